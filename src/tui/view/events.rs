//! Tab 5: what happened, the newest first, exact and inferred told apart.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::alert::Change;
use crate::model::escape::escaped;
use crate::model::human;
use crate::model::moment::When;
use crate::model::transition::{Kind, Transition};
use crate::output::style::{Tone, severity_tone, state_tone};
use crate::tui::app::{App, Entry};
use crate::tui::grid::{Cell, Column, Grid, put};
use crate::tui::sheet::end;
use crate::tui::theme::Theme;

use super::hit_list;

/// Draws it.
pub fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let theme = app.theme();
    let columns = [
        Column::text("TIME", 0),
        Column::text("WHAT", 0),
        Column::text("LOCAL", 1),
        Column::text("REMOTE", 0),
        Column::text("PROCESS", 2),
        Column::text("KNOWN BY", 3),
    ];
    let lines = usize::from(area.height.saturating_sub(1));
    let len = app.len();
    let window = app.cursor().window(len, lines);
    let entries = app.entries().skip(window.start).take(window.len());
    let rows: Vec<Vec<Cell>> = entries.map(|entry| cells(entry, theme)).collect();
    let selected = app.cursor().at.checked_sub(window.start).filter(|at| *at < rows.len());
    let heads =
        Grid { columns: &columns, rows: &rows, selected, sort: None }.draw(buffer, area, &theme);
    let heads: Vec<_> = heads.into_iter().take(0).collect();
    hit_list(app, area, window, heads);
    if rows.is_empty() && area.height > 1 {
        let line = Rect { y: area.y + 1, height: 1, ..area };
        put(buffer, line, "nothing has happened yet", false, theme.style(Tone::Quiet), &theme);
    }
}

fn cells(entry: &Entry, theme: Theme) -> Vec<Cell> {
    match entry {
        Entry::Transition(change, at) => {
            let ends = change.identity.endpoints();
            let (local, remote) = ends.map_or_else(
                || (format!("inode:{}", change.identity.inode), "-".to_owned()),
                |(local, remote)| {
                    let remote = if remote.port == 0 { "-".to_owned() } else { end(remote) };
                    (end(local), remote)
                },
            );
            vec![
                Cell::new(Tone::Quiet, at),
                Cell::new(state_tone(change.to), what(change, theme)),
                Cell::plain(local),
                Cell::plain(remote),
                Cell::plain(owner(change)),
                Cell::new(Tone::Quiet, known_by(change)),
            ]
        }
        Entry::Gap(gap, at) => {
            let count = gap.count.map_or(String::new(), |n| format!("{} ", human::count(n)));
            let text = format!("{}: {count}{}", gap.what, gap.reason);
            vec![Cell::new(Tone::Quiet, at), Cell::new(Tone::Warn, text)]
        }
        Entry::Alert(change, at) => {
            let (word, standing) = match change {
                Change::Firing(standing) => ("firing", standing),
                Change::Resolved(standing) => ("resolved", standing),
            };
            let tone = match change {
                Change::Firing(_) => severity_tone(standing.alert.severity),
                Change::Resolved(_) => Tone::Good,
            };
            let alert = &standing.alert;
            let text = format!("{word} {}", alert.rule);
            vec![
                Cell::new(Tone::Quiet, at),
                Cell::new(tone, text),
                Cell::plain(alert.subject.brief(1)),
            ]
        }
    }
}

/// `ESTABLISHED → CLOSE_WAIT after 1.2 s`.
pub fn what(change: &Transition, theme: Theme) -> String {
    let from = match (change.kind, change.from) {
        (Kind::Opened, _) => "new".to_owned(),
        (_, Some(state)) => state.to_string(),
        (_, None) => "unseen".to_owned(),
    };
    let to = match change.kind {
        Kind::Ended | Kind::Passed => "gone".to_owned(),
        Kind::Opened | Kind::Changed => change.to.to_string(),
    };
    let after = change.dwell.map_or(String::new(), |dwell| {
        let about = if dwell.is_exact() { "" } else { theme.pick("≥ ", ">= ") };
        format!(" after {about}{}", human::duration(dwell.min / 1_000_000))
    });
    format!("{from} {} {to}{after}", theme.pick("→", "->"))
}

fn owner(change: &Transition) -> String {
    let Some(owner) = &change.owner else { return "-".to_owned() };
    let was = if owner.former { "was " } else { "" };
    let all = owner.processes.iter().map(|p| format!("{}[{}]", escaped(&p.comm), p.pid));
    format!("{was}{}", all.collect::<Vec<String>>().join(","))
}

/// Exact, or from which source and how closely.
fn known_by(change: &Transition) -> String {
    match change.when {
        _ if change.is_exact() => "exact".to_owned(),
        When::Exact(_) => change.source.name().to_owned(),
        When::Between { min, max } => {
            let within = human::duration(max.since(min) / 1_000_000);
            format!("{} within {within}", change.source.name())
        }
    }
}
