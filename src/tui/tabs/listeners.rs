//! The accept queue of every listener.

use std::cmp::Reverse;

use crate::model::hash::KeyedMap;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::live::Round;
use crate::model::address::Address;
use crate::model::human;
use crate::model::listener::Listener;
use crate::model::proto::Proto;
use crate::output::cells as write;
use crate::output::style::Tone;
use crate::output::text::{accept_queue, waiting};
use crate::rules::alert_filter;
use crate::sys::names::Names;
use crate::tui::app::{App, TabView};
use crate::tui::grid::{GridCell, GridColumn};
use crate::tui::rows::{Job, RowKey};
use crate::tui::sheet::{Sheet, SheetRow};
use crate::tui::view::table;

/// Columns of the bar of a queue.
const BAR: usize = 8;

/// The tab.
pub struct ListenersTab;

impl TabView for ListenersTab {
    fn title(&self) -> &'static str {
        "Listeners"
    }

    fn is_filtered(&self) -> bool {
        true
    }

    fn has_faults(&self) -> bool {
        true
    }

    fn adjust(&self, app: &App, job: &mut Job) {
        job.listener_names = Some(app.services);
    }

    fn sheet(&self, app: &App, round: &Round) -> Option<Sheet> {
        Some(sheet(app, round))
    }

    fn draw(&self, app: &mut App, buffer: &mut Buffer, area: Rect) {
        table::draw_sheet(app, buffer, area);
    }

    fn subject(&self, _app: &App, _row: usize) -> Option<String> {
        Some("accept-queue".to_owned())
    }

    fn command(&self, app: &App) -> Vec<String> {
        let command = app.ours("listeners") + &app.table_flags(has_listeners);
        std::iter::once(command).chain(app.filter_word()).collect()
    }
}

/// Returns whether sockets of a protocol have an accept queue that is shown.
fn has_listeners(proto: Proto) -> bool {
    matches!(proto, Proto::Tcp | Proto::Mptcp | Proto::Unix)
}

/// Makes a row for every listener; those that share a port stand side by side.
fn sheet(app: &App, round: &Round) -> Sheet {
    let chosen = app.listed.as_ref().and_then(|listed| listed.listening.as_ref());
    let is_chosen = |l: &&Listener| chosen.is_none_or(|all| all.contains(&RowKey::of(&l.socket)));
    let listeners = in_order(round.snapshot.listeners.iter().filter(is_chosen).collect());
    let mut names = app.details.names.clone();
    let full = listeners.iter().filter(|l| l.queue.is_full() == Some(true)).count();
    let somaxconn = round
        .snapshot
        .host
        .sysctls
        .somaxconn()
        .map_or(String::new(), |n| format!(", somaxconn {}", human::count(n)));
    Sheet {
        caption: format!(
            "{}, {full} full{somaxconn}",
            human::plural(listeners.len() as u64, "listener")
        ),
        columns: vec![
            GridColumn::address("LOCAL", 0),
            GridColumn::text("QUEUE", 0),
            GridColumn::text("", 2),
            GridColumn::number("PEAK", 1),
            GridColumn::number("SYN", 2),
            GridColumn::number("DROPS", 2),
            GridColumn::number("DROPS/S", 1),
            GridColumn::long("WAITING", 1, 8, 8),
            GridColumn::process("OWNER", 1),
        ],
        rows: listeners.into_iter().map(|listener| row(app, round, listener, &mut names)).collect(),
    }
}

/// Puts those that share an end side by side, the ends with the fullest queue
/// first, and the fullest first among those of one end.
fn in_order(mut listeners: Vec<&Listener>) -> Vec<&Listener> {
    // Each end is looked up for every listener, so its worst is kept.
    let mut worst: KeyedMap<ListenPlace<'_>, u64> = KeyedMap::default();
    for listener in &listeners {
        let worst = worst.entry(place(listener)).or_default();
        *worst = (*worst).max(fullness(listener));
    }
    listeners.sort_by_cached_key(|listener| {
        let place = place(listener);
        let worst = worst.get(&place).copied().unwrap_or_default();
        (Reverse(worst), place, Reverse(fullness(listener)))
    });
    listeners
}

/// The place of a listener: port and address, or the name of a unix socket.
type ListenPlace<'l> = (Option<(u16, Address)>, Option<&'l (bool, Vec<u8>)>);

fn place(listener: &Listener) -> ListenPlace<'_> {
    let local = listener.socket.local().map(|local| (local.port, local.address));
    (local, listener.unix_name.as_ref())
}

/// Returns how full its queue is, in millionths; 0 where that is not known.
fn fullness(listener: &Listener) -> u64 {
    let queue = listener.queue.len.zip(listener.queue.limit);
    queue.map_or(0, |(len, limit)| (fill(len, limit) * 1e6) as u64)
}

fn fill(len: u32, limit: u32) -> f64 {
    if limit == 0 { f64::from(len) } else { f64::from(len) / f64::from(limit) }
}

fn row(app: &App, round: &Round, listener: &Listener, names: &mut Names) -> SheetRow {
    let socket = &listener.socket;
    let text = |write: &mut dyn FnMut(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        write(&mut bytes);
        if bytes.is_empty() {
            bytes.push(b'-');
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let local = text(&mut |out| match (socket.local(), &listener.unix_name) {
        (Some(local), _) => write::local_end(out, socket, local, names),
        (None, Some((is_abstract, name))) => write::unix_name(out, *is_abstract, name),
        (None, None) => out.push(b'*'),
    });
    let queue = listener.queue;
    let full = queue.is_full() == Some(true);
    let ratio = queue.len.zip(queue.limit).map(|(len, limit)| fill(len, limit));
    let tone = match ratio {
        _ if full => Tone::Bad,
        Some(ratio) if ratio >= 0.8 && queue.len > Some(0) => Tone::Warn,
        _ => Tone::Plain,
    };
    let length = text(&mut |out| {
        accept_queue(out, queue);
        if full {
            out.extend_from_slice(b" FULL");
        }
    });
    let peak = app.looks.peaks.get(&socket.inode).copied().unwrap_or_default();
    let number =
        |n: Option<u32>| GridCell::plain(n.map_or("-".to_owned(), |n| human::count(n.into())));
    let rate = peak.drops_per_second;
    let dropping = rate.is_some_and(|rate| rate > 0.0);
    let filter = match socket.local() {
        Some(local) => alert_filter::at(local),
        None => format!("inode {}", socket.inode),
    };
    let mut row = SheetRow::new(Some(filter));
    row.text(GridCell::plain(local))
        .number(GridCell::new(tone, length), queue.len.map(f64::from))
        .number(GridCell::new(tone, app.theme().bar(ratio.unwrap_or(0.0), BAR)), ratio)
        .number(GridCell::plain(peak.queue.to_string()), Some(peak.queue.into()))
        .number(number(listener.syn_queue), listener.syn_queue.map(f64::from))
        .number(number(queue.drops), queue.drops.map(f64::from))
        .number(
            GridCell::new(
                if dropping { Tone::Warn } else { Tone::Plain },
                rate.map_or("-".to_owned(), |rate| format!("{rate:.0}")),
            ),
            rate,
        )
        .number(
            GridCell::plain(text(&mut |out| waiting(out, listener))),
            Some(listener.waiting.len() as f64),
        )
        .text(GridCell::plain(text(&mut |out| {
            write::holders(out, socket.inode, &round.snapshot.owners, false)
        })));
    row
}
