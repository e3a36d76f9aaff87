//! The rows of `list`.

use std::io::Write;

use crate::model::age::Age;
use crate::model::queues::{AcceptQueue, Queues};
use crate::model::row::Row;
use crate::model::standing::Standing;
use crate::output::cells;
use crate::output::out::Out;
use crate::output::style::{Style, Tone, state_tone};
use crate::output::table::{Cells, Column, Table};
use crate::query::Lookups;
use crate::sys::names::Names;

use super::details::details;

/// Which columns and details to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The protocol; left out when there is only one.
    pub proto: bool,
    /// The time in the state.
    pub age: bool,
    /// The timer (`-o`).
    pub timer: bool,
    /// User id, inode, cookie, and more below (`-e`).
    pub extended: bool,
    /// Type of service below (`--tos`).
    pub tos: bool,
    /// Cgroup below (`--cgroup`).
    pub cgroup: bool,
    /// Socket options below (`--inet-sockopt`).
    pub socket_options: bool,
    /// No RECV-Q and SEND-Q (`-Q`).
    pub no_queues: bool,
    /// The processes (`-p`).
    pub processes: bool,
    /// `tcp_info` on a line below (`-i`).
    pub tcp_info: bool,
    /// Socket memory on a line below (`-m`).
    pub memory: bool,
    /// Details behind the row instead of below it (`-O`).
    pub one_line: bool,
}

impl Layout {
    fn columns(self) -> Vec<Column> {
        let shown = [
            (self.proto, Column::text("PROTO")),
            (true, Column::text("STATE")),
            (!self.no_queues, Column::number("RECV-Q")),
            (!self.no_queues, Column::number("SEND-Q")),
            (true, Column::text("LOCAL")),
            (true, Column::text("REMOTE")),
            (self.age, Column::number("AGE")),
            (self.timer, Column::text("TIMER")),
            (self.extended, Column::number("UID")),
            (self.extended, Column::number("INODE")),
            (self.extended, Column::text("COOKIE")),
            (self.processes, Column::text("PROCESS")),
        ];
        shown.into_iter().filter_map(|(show, column)| show.then_some(column)).collect()
    }
}

/// Writes rows as they come.
pub struct Sockets<'o, 'w> {
    table: Table<'o, 'w>,
    layout: Layout,
    names: Names,
}

impl<'o, 'w> Sockets<'o, 'w> {
    /// A list with this layout.
    pub fn new(
        out: &'o mut Out<'w>,
        style: &'o Style,
        layout: Layout,
        header: bool,
        names: Names,
    ) -> Self {
        let mut table = Table::new(out, style, layout.columns(), header);
        table.details_inline(layout.one_line);
        Self { table, layout, names }
    }

    /// Writes one row.
    pub fn row(&mut self, row: &Row<'_>, lookups: &Lookups) {
        let Self { table, layout, names } = self;
        table.row(|cells| {
            basic_cells(cells, row, *layout, lookups, names);
            detail_cells(cells, row, *layout, lookups);
            details(cells, row, *layout, lookups, names);
        });
    }

    /// Whether writing has failed, so that more rows are in vain.
    pub fn failed(&self) -> bool {
        self.table.failed()
    }

    /// Writes what is still held back.
    pub fn finish(self) {
        self.table.finish();
    }
}

fn basic_cells(
    cells: &mut Cells,
    row: &Row<'_>,
    layout: Layout,
    lookups: &Lookups,
    names: &mut Names,
) {
    let socket = &row.socket;
    if layout.proto {
        cells.cell(Tone::Plain, |out| {
            out.extend_from_slice(socket.table.proto.name().as_bytes());
            if let Some(kind) = socket.kind() {
                drop(write!(out, "_{}", kind.name()));
            }
        });
    }
    cells.cell(state_tone(socket.state), |out| match socket.state.name() {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => drop(write!(out, "{}", socket.state)),
    });
    match Queues::of(row) {
        _ if layout.no_queues => {}
        Queues::Bytes { recv, send } => {
            cells.cell(Tone::Plain, |out| optional(out, recv));
            cells.cell(Tone::Plain, |out| optional(out, send));
        }
        Queues::Accept(queue) => accept_cells(cells, queue),
    }
    cells.cell(Tone::Plain, |out| cells::local(out, row, names));
    cells.cell(Tone::Plain, |out| cells::remote(out, row, lookups, names));
}

/// An accept queue is not bytes: `4/3` and, when it is full, the word.
fn accept_cells(cells: &mut Cells, queue: AcceptQueue) {
    let full = queue.is_full() == Some(true);
    let tone = if full { Tone::Bad } else { Tone::Plain };
    cells.cell(tone, |out| accept_queue(out, queue));
    cells.cell(tone, |out| {
        if full {
            out.extend_from_slice(b"FULL");
        }
    });
}

/// Appends `4/3`; `4/?` where the source does not tell the limit.
pub fn accept_queue(out: &mut Vec<u8>, queue: AcceptQueue) {
    match queue.len {
        Some(len) => cells::number(out, len),
        None => out.push(b'?'),
    }
    out.push(b'/');
    match queue.limit {
        Some(limit) => cells::number(out, limit),
        None => out.push(b'?'),
    }
}

fn detail_cells(cells: &mut Cells, row: &Row<'_>, layout: Layout, lookups: &Lookups) {
    let socket = &row.socket;
    if layout.age {
        cells.cell(Tone::Plain, |out| {
            if let Some(age) = Age::of(row) {
                cells::age(out, age);
            }
        });
    }
    if layout.timer {
        cells.cell(Tone::Plain, |out| {
            if let Some(timer) = socket.timer {
                cells::timer(out, timer);
            }
        });
    }
    if layout.extended {
        cells.cell(Tone::Plain, |out| optional(out, socket.uid));
        cells.cell(Tone::Plain, |out| cells::number(out, socket.inode));
        cells.cell(Tone::Plain, |out| {
            if socket.cookie != 0 {
                drop(write!(out, "{:#x}", socket.cookie));
            }
        });
    }
    if layout.processes {
        cells.cell(Tone::Plain, |out| process(out, row, lookups));
    }
}

/// The holders, or in brackets the reason why there are none; behind an arrow
/// those of a unix socket's other end.
fn process(out: &mut Vec<u8>, row: &Row<'_>, lookups: &Lookups) {
    match Standing::of(row) {
        Standing::Descriptor => cells::holders(out, row.socket.inode, &lookups.owners, true),
        Standing::Kernel => {}
        standing => drop(write!(out, "({})", standing.name())),
    }
    if let Some(peer) = row.facts.peer_inode().filter(|peer| lookups.owners.holds(*peer)) {
        out.extend_from_slice(b" <-> ");
        cells::holders(out, peer, &lookups.owners, true);
    }
}

fn optional(out: &mut Vec<u8>, n: Option<u32>) {
    if let Some(n) = n {
        cells::number(out, n);
    }
}
