//! The rows of `list`.

use std::io::Write;

use crate::model::age::Age;
use crate::model::queues::{AcceptQueue, Queues};
use crate::model::row::Row;
use crate::model::standing::Standing;
use crate::output::cells;
use crate::output::out::Out;
use crate::output::style::{Style, Tone, state_tone};
use crate::output::table::{Cells, TableWriter};
use crate::query::Lookups;
use crate::sys::names::Names;

use super::details::details;
use super::layout::{DetailsPlace, Layout, TextColumn};

/// Writes rows as they come.
pub struct SocketsText<'o, 'w> {
    table: TableWriter<'o, 'w>,
    layout: Layout,
    names: Names,
}

impl<'o, 'w> SocketsText<'o, 'w> {
    /// Returns a list with this layout.
    pub fn new(
        out: &'o mut Out<'w>,
        style: &'o Style,
        layout: Layout,
        header: bool,
        names: Names,
    ) -> Self {
        let heads = layout.columns.iter().flat_map(|column| column.heads()).copied().collect();
        let mut table = TableWriter::new(out, style, heads, header);
        table.details_inline(layout.place == DetailsPlace::Behind);
        Self { table, layout, names }
    }

    /// Writes one row.
    pub fn row(&mut self, row: &Row<'_>, lookups: &Lookups) {
        let Self { table, layout, names } = self;
        table.row(|cells| {
            for column in &layout.columns {
                self::cells(cells, *column, row, lookups, names);
            }
            details(cells, row, &layout.details, lookups, names);
        });
    }

    /// Tells whether writing has failed, so that more rows are in vain.
    pub fn failed(&self) -> bool {
        self.table.failed()
    }

    /// Writes what is still held back.
    pub fn finish(self) {
        self.table.finish();
    }
}

/// Appends the cells of a column.
fn cells(
    cells: &mut Cells,
    column: TextColumn,
    row: &Row<'_>,
    lookups: &Lookups,
    names: &mut Names,
) {
    match column {
        TextColumn::Proto => cells.cell(Tone::Plain, |out| protocol(out, row)),
        TextColumn::State => {
            cells.cell(state_tone(row.socket.state), |out| match row.socket.state.name() {
                Some(name) => out.extend_from_slice(name.as_bytes()),
                None => drop(write!(out, "{}", row.socket.state)),
            });
        }
        TextColumn::Queues => queue_cells(cells, row),
        TextColumn::Ends => {
            cells.cell(Tone::Plain, |out| cells::local(out, row, names));
            cells.cell(Tone::Plain, |out| cells::remote(out, row, lookups, names));
        }
        TextColumn::Age => cells.cell(Tone::Plain, |out| {
            if let Some(age) = Age::of(row) {
                cells::age(out, age);
            }
        }),
        TextColumn::Timer => cells.cell(Tone::Plain, |out| {
            if let Some(timer) = row.socket.timer {
                cells::timer(out, timer);
            }
        }),
        TextColumn::Ids => id_cells(cells, row),
        TextColumn::Process => cells.cell(Tone::Plain, |out| process(out, row, lookups)),
    }
}

/// Appends `tcp`, `unix_stream`.
fn protocol(out: &mut Vec<u8>, row: &Row<'_>) {
    out.extend_from_slice(row.socket.table.proto.name().as_bytes());
    if let Some(kind) = row.socket.kind() {
        drop(write!(out, "_{}", kind.name()));
    }
}

fn queue_cells(cells: &mut Cells, row: &Row<'_>) {
    match Queues::of(row) {
        Queues::Bytes { recv, send } => {
            cells.cell(Tone::Plain, |out| optional(out, recv));
            cells.cell(Tone::Plain, |out| optional(out, send));
        }
        Queues::Accept(queue) => accept_cells(cells, queue),
    }
}

/// Appends an accept queue, which is not bytes: `4/3` and, when it is full, the word.
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

fn id_cells(cells: &mut Cells, row: &Row<'_>) {
    let socket = &row.socket;
    cells.cell(Tone::Plain, |out| optional(out, socket.uid));
    cells.cell(Tone::Plain, |out| cells::number(out, socket.inode));
    cells.cell(Tone::Plain, |out| {
        if socket.cookie != 0 {
            drop(write!(out, "{:#x}", socket.cookie));
        }
    });
}

/// Appends the holders, or in brackets the reason why there are none; behind an arrow
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
