//! The table of `listeners`.

use std::io::Write;

use crate::model::listener::Listener;
use crate::model::owner::Owners;
use crate::output::cells;
use crate::output::out::Out;
use crate::output::style::{Style, Tone};
use crate::output::table::{Cells, TableColumn, TableWriter};
use crate::survey::ListenersView;
use crate::sys::names::Names;

use super::sockets::accept_queue;

const COLUMNS: [TableColumn; 6] = [
    TableColumn::text("LOCAL"),
    TableColumn::text("QUEUE"),
    TableColumn::number("SYN"),
    TableColumn::number("DROPS"),
    TableColumn::text("WAITING"),
    TableColumn::text("OWNER"),
];

/// Writes every listener.
pub fn listeners(
    out: &mut Out<'_>,
    style: &Style,
    view: &ListenersView,
    header: bool,
    mut names: Names,
) {
    let mut table = TableWriter::new(out, style, COLUMNS.to_vec(), header);
    for listener in &view.listeners {
        table.row(|cells| row(cells, listener, &view.owners, &mut names));
    }
    table.finish();
}

fn row(cells: &mut Cells, listener: &Listener, owners: &Owners, names: &mut Names) {
    let socket = &listener.socket;
    cells.cell(Tone::Plain, |out| match (socket.local(), &listener.unix_name) {
        (Some(local), _) => cells::local_end(out, socket, local, names),
        (None, Some((is_abstract, name))) => cells::unix_name(out, *is_abstract, name),
        (None, None) => out.push(b'*'),
    });
    let full = listener.queue.is_full() == Some(true);
    cells.cell(if full { Tone::Bad } else { Tone::Plain }, |out| {
        accept_queue(out, listener.queue);
        if full {
            out.extend_from_slice(b" FULL");
        }
    });
    cells.cell(Tone::Plain, |out| optional(out, listener.syn_queue));
    cells.cell(Tone::Plain, |out| optional(out, listener.queue.drops));
    cells.cell(Tone::Plain, |out| waiting(out, listener));
    cells.cell(Tone::Plain, |out| cells::holders(out, socket.inode, owners, false));
}

/// Appends how many wait and how long the first of them has: `14,3.2s`. Where several
/// listeners share the endpoint the number is that of all of them.
pub fn waiting(out: &mut Vec<u8>, listener: &Listener) {
    if listener.waiting.is_empty() {
        return;
    }
    cells::number(out, listener.waiting.len());
    let longest = listener.waiting.iter().filter_map(|w| w.age).max_by_key(|age| age.min_ms);
    if let Some(age) = longest {
        out.push(b',');
        cells::duration(out, age.min_ms);
    }
    if listener.shared_by > 1 {
        drop(write!(out, ",shared by {}", listener.shared_by));
    }
}

fn optional(out: &mut Vec<u8>, n: Option<u32>) {
    if let Some(n) = n {
        cells::number(out, n);
    }
}
