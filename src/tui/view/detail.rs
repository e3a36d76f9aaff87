//! Everything that is known of one socket: what the kernel says, what happened
//! to it, who holds it, what its state means.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::age::Age;
use crate::model::escape::escaped;
use crate::model::human;
use crate::model::queues::{EndOfFile, Queues};
use crate::model::row::Row;
use crate::model::standing::Standing;
use crate::model::state::State;
use crate::model::want::Proto;
use crate::output::cells;
use crate::output::style::{Tone, state_tone};
use crate::output::text::all_details;
use crate::sys::names::Names;
use crate::tui::app::{App, Entry, Tab};
use crate::tui::grid::put;

use super::events;
use super::overview::wrap;
use super::sockets::closer;

/// Draws what is known of the selected socket.
pub fn draw(app: &App, buffer: &mut Buffer, area: Rect) {
    let theme = app.theme();
    let Some(row) = app.row_at(app.cursors[Tab::Sockets.index()].at) else { return };
    let close = closer(app, &row);
    let lines = lines(app, close.as_ref().unwrap_or(&row), area.width.into());
    for ((tone, text), y) in lines.iter().zip(area.y..area.bottom()) {
        let line = Rect { y, height: 1, ..area };
        put(buffer, line, text, false, theme.style(*tone), &theme);
    }
}

type Line = (Tone, String);

fn lines(app: &App, row: &Row<'_>, width: usize) -> Vec<Line> {
    let arrow = app.theme().pick("→", "->");
    let mut lines = Vec::new();
    let mut ends = Vec::new();
    let mut names = Names::new(false);
    let lookups = app.listed.as_ref().map(|listed| &listed.lookups);
    cells::local(&mut ends, row, &mut names);
    ends.extend_from_slice(format!(" {arrow} ").as_bytes());
    if let Some(lookups) = lookups {
        cells::remote(&mut ends, row, lookups, &mut names);
    }
    let ends = String::from_utf8_lossy(&ends).into_owned();
    let state = row.socket.state;
    lines.push((Tone::Head, format!("{} {ends}", row.socket.table.proto.name())));
    let age = Age::of(row).map(|age| {
        let mut text = b" for ".to_vec();
        cells::age(&mut text, age);
        String::from_utf8_lossy(&text).into_owned()
    });
    lines.push((state_tone(state), format!("{state}{}", age.unwrap_or_default())));
    let push = |lines: &mut Vec<Line>, text: &str| {
        lines.extend(wrap(text, width).into_iter().map(|line| (Tone::Plain, line)));
    };
    push(&mut lines, &meaning(row));
    let standing = match Standing::of(row) {
        Standing::Descriptor => None,
        other => Some(other.name()),
    };
    let cookie = Some(row.socket.cookie).filter(|c| *c != 0).map(|c| format!("cookie {c:#x}"));
    let facts = [standing.map(str::to_owned), Some(format!("inode {}", row.socket.inode)), cookie];
    push(&mut lines, &facts.into_iter().flatten().collect::<Vec<String>>().join("  "));
    if let Some(round) = &app.shown {
        for holder in round.frame.owners.of(row.socket.inode) {
            let comm = escaped(round.frame.owners.comm(holder.pid));
            let line = app.command_lines.get(&holder.pid).map_or("", String::as_str);
            push(&mut lines, &format!("{comm}[{}] fd {}  {line}", holder.pid, holder.fd));
        }
    }
    history(app, row, &mut lines);
    if let Some(lookups) = lookups {
        all_details(row, lookups).lines().for_each(|line| push(&mut lines, line));
    }
    lines
}

/// The transitions of this socket, the newest first.
fn history(app: &App, row: &Row<'_>, lines: &mut Vec<Line>) {
    let cookie = row.socket.cookie;
    let ends = row.socket.ends;
    let of_it = app.log.iter().rev().filter_map(|entry| match entry {
        Entry::Transition(change, at) => {
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

/// What the state means for this socket, with its own numbers.
fn meaning(row: &Row<'_>) -> String {
    let bytes =
        |n: Option<u32>| n.map_or("an unknown number of".to_owned(), |n| human::count(n.into()));
    let (recv, send) = match Queues::of(row) {
        Queues::Accept(queue) => {
            let show = |n: Option<u32>| n.map_or("?".to_owned(), |n| human::count(n.into()));
            return format!(
                "{} complete connections wait to be accepted, {} may; {} packets were dropped here",
                show(queue.len),
                show(queue.limit),
                show(queue.drops)
            );
        }
        Queues::Bytes { recv, send } => (recv, send),
    };
    if row.socket.table.proto != Proto::Tcp {
        return format!("{} bytes are unread, {} not sent yet", bytes(recv), bytes(send));
    }
    match row.socket.state {
        State::CloseWait => match EndOfFile::of(row) {
            Some(EndOfFile::Read) => {
                "the peer closed, the application has read that and must call close()".into()
            }
            Some(EndOfFile::Unread) => {
                "the peer closed, the application has not read that yet".into()
            }
            Some(EndOfFile::DataUnread) => format!(
                "the peer closed, {} bytes are unread: close() would reset",
                bytes(recv.map(|n| n.saturating_sub(1)))
            ),
            None => "the peer closed; the application owes a close()".into(),
        },
        State::Established => format!(
            "{} bytes unread here, {} not acknowledged by the peer",
            bytes(recv),
            bytes(send)
        ),
        State::TimeWait => {
            "closed by both sides; kept for 60 s so that late segments do no harm".into()
        }
        State::FinWait1 => format!(
            "closed here; the peer has not acknowledged it ({} bytes outstanding)",
            bytes(send)
        ),
        State::FinWait2 => "closed here and acknowledged; the peer has not closed its side".into(),
        State::LastAck => "closed by both; the peer has not acknowledged our end yet".into(),
        State::Closing => {
            "both closed at the same time; the peer has not acknowledged our end yet".into()
        }
        State::SynSent => "connecting: no answer to our SYN yet".into(),
        State::SynRecv => "a client is connecting: our SYN-ACK is not acknowledged yet".into(),
        State::Bound => "bound to a port, neither listening nor connected".into(),
        _ => String::new(),
    }
}
