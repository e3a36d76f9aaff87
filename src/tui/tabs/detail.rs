//! Everything that is known of one socket: what the kernel says, what happened
//! to it, who holds it, what its state means.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::age::Age;
use crate::model::escape::escaped;
use crate::model::human;
use crate::model::owner::Holder;
use crate::model::row::Row;
use crate::model::standing::Standing;
use crate::model::unit::unit_of;
use crate::output::cells;
use crate::output::style::{Tone, state_tone};
use crate::output::text::all_details;
use crate::query::Lookups;
use crate::sys::names::Names;
use crate::tui::app::{App, LogEntry, Scroll};
use crate::tui::grid::put;
use crate::tui::keys::{Action, RowAction};
use crate::tui::rows::RowKey;
use crate::tui::theme::Theme;
use crate::tui::view::wrap;

use super::events;
use super::meaning::{meaning, queues, timer};

/// Draws what is known of the selected socket.
pub fn draw(app: &mut App, names: &mut Names, buffer: &mut Buffer, area: Rect) {
    let Some(row) = app.selected_row() else { return };
    let of = Some(RowKey::of(&row.socket));
    let detailed = app.detailed(&row);
    let lines = lines(app, names, detailed.as_ref().unwrap_or(&row), area.width.into());
    // Where not all have room the last line says so.
    let room = usize::from(area.height);
    let page = if lines.len() > room { room.saturating_sub(1) } else { room };
    let top = if app.sockets.scroll.of == of { app.sockets.scroll.top } else { 0 };
    let top = top.min(lines.len().saturating_sub(page));
    app.sockets.scroll = Scroll { of, top, page };
    let shown = &lines[top..(top + page).min(lines.len())];
    let key = |action| app.fixed.keymap.key_of(Action::Row(action));
    let note = match lines.len() - top - shown.len() {
        _ if page == room => None,
        0 => Some(format!("the last of {} lines: {}", lines.len(), key(RowAction::DetailsUp))),
        n => Some(format!(
            "{}: {}",
            human::plural(n as u64, "more line"),
            key(RowAction::DetailsDown)
        )),
    };
    let note = note.map(|text| (Tone::Quiet, text));
    let theme = app.theme();
    for ((tone, text), y) in shown.iter().chain(&note).zip(area.y..area.bottom()) {
        let line = Rect { y, height: 1, ..area };
        put(buffer, line, text, false, theme.style(*tone), &theme);
    }
}

type DetailLine = (Tone, String);

fn lines(app: &App, names: &mut Names, row: &Row<'_>, width: usize) -> Vec<DetailLine> {
    let lookups = app.listed.as_ref().map(|listed| &listed.lookups);
    let state = row.socket.state;
    let mut lines = vec![
        (Tone::Head, ends(row, lookups, names, app.theme())),
        (state_tone(state), format!("{state}{}", since(row))),
    ];
    let plain = |texts: Vec<String>| {
        let texts = texts.into_iter().filter(|text| !text.is_empty());
        let wrapped = texts.flat_map(|text| wrap(&text, width));
        wrapped.map(|line| (Tone::Plain, line)).collect::<Vec<DetailLine>>()
    };
    let of_state = std::iter::once(meaning(row)).chain(queues(row)).chain(timer(row));
    lines.extend(plain(of_state.collect()));
    lines.extend(plain(vec![identity(row, lookups)]));
    lines.extend(plain(holders(app, row)));
    history(app, row, &mut lines);
    if let Some(lookups) = lookups {
        lines.extend(plain(all_details(row, lookups).lines().map(str::to_owned).collect()));
    }
    lines
}

/// Returns `tcp 10.0.0.5:8080 → 10.0.0.7:40001`.
fn ends(row: &Row<'_>, lookups: Option<&Lookups>, names: &mut Names, theme: Theme) -> String {
    let mut ends = Vec::new();
    cells::local(&mut ends, row, names);
    ends.extend_from_slice(format!(" {} ", theme.pick("→", "->")).as_bytes());
    if let Some(lookups) = lookups {
        cells::remote(&mut ends, row, lookups, names);
    }
    format!("{} {}", row.socket.table.proto.name(), String::from_utf8_lossy(&ends))
}

/// Returns ` for 41m`, where one look proves it.
fn since(row: &Row<'_>) -> String {
    let Some(age) = Age::of(row) else { return String::new() };
    let mut text = b" for ".to_vec();
    cells::age(&mut text, age);
    String::from_utf8_lossy(&text).into_owned()
}

/// Returns who it is: for the kernel, for a user, for the service manager.
fn identity(row: &Row<'_>, lookups: Option<&Lookups>) -> String {
    let socket = &row.socket;
    let standing = match Standing::of(row) {
        Standing::Descriptor => None,
        other => Some(other.name().to_owned()),
    };
    let cookie = Some(socket.cookie).filter(|cookie| *cookie != 0);
    let unit = lookups.and_then(|lookups| unit_of(lookups.cgroup(row)?));
    let facts = [
        standing,
        Some(format!("inode {}", socket.inode)),
        cookie.map(|cookie| format!("cookie {cookie:#x}")),
        socket.uid.map(|uid| format!("uid {uid}")),
        unit.map(|unit| format!("unit {}", escaped(unit.as_bytes()))),
    ];
    facts.into_iter().flatten().collect::<Vec<String>>().join("  ")
}

/// Returns every process that holds it, with its descriptors and its command
/// line.
fn holders(app: &App, row: &Row<'_>) -> Vec<String> {
    let Some(round) = app.looks.round() else { return Vec::new() };
    let owners = &round.snapshot.owners;
    let of_process = |holders: &[Holder]| {
        let pid = holders.first()?.pid;
        let fds: Vec<String> = holders.iter().map(|holder| holder.fd.to_string()).collect();
        let line = app.details.command_line(pid);
        Some(format!("{}[{pid}] fd {}  {line}", escaped(owners.comm(pid)), fds.join(",")))
    };
    owners.of(row.socket.inode).chunk_by(|a, b| a.pid == b.pid).filter_map(of_process).collect()
}

/// Adds the transitions of this socket, the newest first.
fn history(app: &App, row: &Row<'_>, lines: &mut Vec<DetailLine>) {
    let cookie = row.socket.cookie;
    let ends = row.socket.ends;
    let of_it = app.all_entries().filter_map(|entry| match entry {
        LogEntry::Transition(change, at) => {
            let same = if cookie != 0 && change.identity.cookie != 0 {
                change.identity.cookie == cookie
            } else {
                change.identity.ends == ends
            };
            same.then_some((change, at))
        }
        _ => None,
    });
    for (change, at) in of_it.take(8) {
        lines.push((Tone::Moving, events::line(change, at, app.theme())));
    }
}
