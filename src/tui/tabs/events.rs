//! The transitions, the newest first, exact and inferred told apart.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::alert::AlertChange;
use crate::model::escape::escaped;
use crate::model::human;
use crate::model::identity::Identity;
use crate::model::moment::When;
use crate::model::socket::Ends;
use crate::model::transition::Transition;
use crate::output::style::{Tone, severity_tone, state_tone};
use crate::tui::app::{App, LogEntry, TabRows, TabView};
use crate::tui::grid::{Grid, GridCell, GridColumn, Texts, put};
use crate::tui::sheet::end;
use crate::tui::theme::Theme;
use crate::tui::view::table;

/// The tab.
pub struct EventsTab;

impl TabView for EventsTab {
    fn title(&self) -> &'static str {
        "Events"
    }

    fn rows(&self) -> TabRows {
        TabRows::Log
    }

    fn len(&self, app: &App) -> usize {
        app.entries().count()
    }

    fn is_filtered(&self) -> bool {
        true
    }

    fn draw(&self, app: &mut App, buffer: &mut Buffer, area: Rect) {
        draw(app, buffer, area);
    }

    fn subject(&self, app: &App, row: usize) -> Option<String> {
        Some(match app.entry(row)? {
            LogEntry::Transition(change, _) => change.to.to_string(),
            LogEntry::Alert(AlertChange::Firing(s) | AlertChange::Resolved(s), _) => {
                s.alert.rule.to_string()
            }
            LogEntry::Gap(..) => return None,
        })
    }

    fn filter_of(&self, app: &App, row: usize) -> Option<String> {
        match app.entry(row)? {
            LogEntry::Transition(change, _) => filter_of_ends(&change.identity),
            _ => None,
        }
    }

    fn command(&self, app: &App) -> Vec<String> {
        std::iter::once(app.ours("events")).chain(app.filter_word()).collect()
    }

    /// Returns the whole log as it is shown.
    fn texts(&self, app: &App) -> Option<Texts> {
        let rows = app.entries().map(|entry| cells(entry, EventForm::File, app.theme()));
        Some(Texts::of(&columns(EventForm::File), rows))
    }
}

/// Returns a filter that selects one socket: by its cookie, or by its ends
/// where an event told no cookie.
fn filter_of_ends(who: &Identity) -> Option<String> {
    if who.cookie != 0 {
        return Some(format!("cookie {:#x}", who.cookie));
    }
    let Ends::Inet { local, remote } = who.ends else { return None };
    let local = (local.port != 0).then(|| format!("sport {}", local.port));
    let remote =
        (remote.port != 0).then(|| format!("dst {} and dport {}", remote.address, remote.port));
    match (local, remote) {
        (Some(local), Some(remote)) => Some(format!("{local} and {remote}")),
        (local, remote) => local.or(remote),
    }
}

fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let theme = app.theme();
    let form = EventForm::of(area.width);
    let columns = columns(form);
    let lines = usize::from(area.height.saturating_sub(1));
    let len = app.len();
    let window = app.cursor().window(len, lines);
    let entries = app.entries().skip(window.start).take(window.len());
    let rows: Vec<Vec<GridCell>> = entries.map(|entry| cells(entry, form, theme)).collect();
    let selected = app.cursor().at.checked_sub(window.start).filter(|at| *at < rows.len());
    // Nothing is sorted here, so heads are no place to click on.
    drop(Grid { columns: &columns, rows: &rows, selected, sort: None }.draw(buffer, area, &theme));
    table::note_hits(app, area, window, Vec::new());
    if rows.is_empty() && area.height > 1 {
        let line = Rect { y: area.y + 1, height: 1, ..area };
        let text = if app.all_entries().next().is_none() {
            "nothing has happened yet"
        } else {
            "nothing matches; esc clears the filter"
        };
        put(buffer, line, text, false, theme.style(Tone::Quiet), &theme);
    }
}

/// The amount of detail in a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EventForm {
    /// For a file.
    File,
    /// All of it.
    Wide,
    /// Each column as narrow as it may be.
    Whole,
    /// The seconds of the time, the state after: which socket it is matters more
    /// than the rest.
    Short,
}

impl EventForm {
    /// Below this width both states and a socket have no room beside each other.
    const WHOLE: u16 = 60;

    /// From this width on the columns have room for their heads.
    const WIDE: u16 = 100;

    fn of(width: u16) -> Self {
        match width {
            _ if width < Self::WHOLE => Self::Short,
            _ if width < Self::WIDE => Self::Whole,
            _ => Self::Wide,
        }
    }

    /// Returns a time of day.
    fn time(self, at: &str) -> &str {
        match at.split_once('.') {
            Some((seconds, _)) if self == Self::Short => seconds,
            _ => at,
        }
    }
}

fn columns(form: EventForm) -> [GridColumn; 8] {
    // The legend of the mark: the column that says more may not be there.
    let time = match form {
        EventForm::File => "TIME",
        EventForm::Wide => "TIME ~inferred",
        EventForm::Whole | EventForm::Short => "~inferred",
    };
    [
        GridColumn::text(time, 0),
        GridColumn::text("WHAT", 0),
        GridColumn::number("AFTER", 3),
        GridColumn::address("LOCAL", 1),
        GridColumn::address("REMOTE", 1),
        GridColumn::process("PROCESS", 2),
        GridColumn::text("VIA", 4),
        GridColumn::text("KNOWN BY", 5),
    ]
}

fn cells(entry: &LogEntry, form: EventForm, theme: Theme) -> Vec<GridCell> {
    match entry {
        LogEntry::Transition(change, at) => {
            let ends = change.identity.endpoints();
            let (local, remote) = ends.map_or_else(
                || (format!("inode:{}", change.identity.inode), "-".to_owned()),
                |(local, remote)| {
                    let remote = if remote.port == 0 { "-".to_owned() } else { end(remote) };
                    (end(local), remote)
                },
            );
            let what = match form {
                EventForm::Short => format!("{} {}", arrow(theme), change.after()),
                _ => steps(change, theme),
            };
            vec![
                GridCell::new(Tone::Quiet, time(change, form.time(at))),
                GridCell::new(state_tone(change.to), what),
                GridCell::plain(after(change, theme).unwrap_or_else(none)),
                GridCell::plain(local),
                GridCell::plain(remote),
                GridCell::plain(owner(change)),
                GridCell::plain(via(change).unwrap_or_else(none)),
                GridCell::new(Tone::Quiet, known_by(change)),
            ]
        }
        LogEntry::Gap(gap, at) => {
            let count = gap.count.map_or(String::new(), |n| format!("{} ", human::count(n)));
            let text = format!("{}: {count}{}", gap.what, gap.reason);
            vec![
                GridCell::new(Tone::Quiet, format!(" {}", form.time(at))),
                GridCell::new(Tone::Warn, text),
            ]
        }
        LogEntry::Alert(change, at) => {
            let (word, tone, standing) = match change {
                AlertChange::Firing(s) => ("firing", severity_tone(s.alert.severity), s),
                AlertChange::Resolved(s) => ("resolved", Tone::Good, s),
            };
            let alert = &standing.alert;
            let text = format!("{word} {}  {}", alert.rule, alert.subject.brief(1));
            vec![
                GridCell::new(Tone::Quiet, format!(" {}", form.time(at))),
                GridCell::new(tone, text),
            ]
        }
    }
}

fn none() -> String {
    "-".to_owned()
}

/// Returns the time of a change, with a mark before that of one that the kernel
/// did not tell of: it must be seen at every width.
fn time(change: &Transition, at: &str) -> String {
    format!("{}{at}", if change.is_exact() { ' ' } else { '~' })
}

/// Returns a change in one line: `~08:00:13.9  ESTABLISHED → TIME_WAIT after
/// 5.0 s via FIN_WAIT1`.
pub fn line(change: &Transition, at: &str, theme: Theme) -> String {
    let after = after(change, theme).map_or(String::new(), |after| format!(" after {after}"));
    let via = via(change).map_or(String::new(), |via| format!(" via {via}"));
    format!("{}  {}{after}{via}", time(change, at), steps(change, theme))
}

fn arrow(theme: Theme) -> &'static str {
    theme.pick("→", "->")
}

/// Returns `ESTABLISHED → CLOSE_WAIT`.
fn steps(change: &Transition, theme: Theme) -> String {
    format!("{} {} {}", change.before(), arrow(theme), change.after())
}

/// Returns how long it was in the state before: `5.0 s`, `≥ 4.0 s`. "At least
/// nothing" says nothing, so it is not said.
fn after(change: &Transition, theme: Theme) -> Option<String> {
    let dwell = change.dwell.filter(|dwell| dwell.is_exact() || dwell.min >= 1_000_000)?;
    let about = if dwell.is_exact() { "" } else { theme.pick("≥ ", ">= ") };
    Some(format!("{about}{}", human::Microseconds(dwell.min / 1_000)))
}

/// Returns the states that it must have passed.
fn via(change: &Transition) -> Option<String> {
    let states: Vec<String> = change.via().iter().map(|state| state.to_string()).collect();
    (!states.is_empty()).then(|| states.join(" "))
}

fn owner(change: &Transition) -> String {
    let Some(owner) = &change.owner else { return "-".to_owned() };
    let was = if owner.former { "was " } else { "" };
    let all = owner.processes.iter().map(|p| format!("{}[{}]", escaped(&p.comm), p.pid));
    format!("{was}{}", all.collect::<Vec<String>>().join(","))
}

/// Returns `exact`, or from which source and how closely, and what explains it.
fn known_by(change: &Transition) -> String {
    let source = match change.when {
        _ if change.is_exact() => "exact".to_owned(),
        When::Exact(_) => change.source.name().to_owned(),
        When::Between { min, max } => {
            let within = human::duration(max.since(min) / 1_000_000);
            format!("{} within {within}", change.source.name())
        }
    };
    match change.reason {
        None => source,
        Some(reason) => format!("{source}, {}", reason.name()),
    }
}
