//! The lines of `events`, and its summary.

use std::io::Write;

use crate::matrix::Matrix;
use crate::model::escape::push_escaped;
use crate::model::moment::Dwell;
use crate::model::moment::When;
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::model::transition::Transition;
use crate::output::cells;
use crate::output::out::Out;
use crate::output::style::{Style, Tone, state_tone};
use crate::output::table::{TableColumn, TableWriter};
use crate::sys::clock::{self, ClockPair};
use crate::sys::names::Names;

/// Room for the longest names of two states and the arrow.
const STATES_WIDTH: usize = 26;

/// The means to draw the lines with.
pub struct Pen<'p> {
    /// Colours.
    pub style: &'p Style,
    /// Tells whether the terminal's character set has an arrow.
    pub unicode: bool,
    /// Names for numbers.
    pub names: &'p mut Names,
}

/// Writes one change:
/// `08:00:13.402118  ESTABLISHED → CLOSE_WAIT  after 1.2 s  10.0.0.5:41802 → …  api[812]`.
pub fn transition(out: &mut Out<'_>, change: &Transition, clocks: ClockPair, pen: &mut Pen<'_>) {
    let arrow = if pen.unicode { "→" } else { "->" };
    let buffer = out.buffer();
    buffer.extend_from_slice(clock::local_time(clocks.wall_at(change.when.max().0)).as_bytes());
    buffer.extend_from_slice(b"  ");
    let (before, after) = (change.before(), change.after());
    buffer.extend_from_slice(before.as_bytes());
    drop(write!(buffer, " {arrow} "));
    pen.style.paint(buffer, state_tone(change.to), &after);
    let width = before.chars().count() + after.chars().count() + 3;
    buffer.resize(buffer.len() + STATES_WIDTH.saturating_sub(width), b' ');
    buffer.extend_from_slice(b"  ");
    remarks(buffer, change);
    ends(buffer, change, arrow, pen.names);
    owner(buffer, change);
    buffer.push(b'\n');
    out.advance();
}

/// Appends how long it lasted, what must lie between, how sure it is.
fn remarks(out: &mut Vec<u8>, change: &Transition) {
    if let Some(dwell) = change.dwell {
        lasted(out, dwell);
    }
    let via: Vec<String> = change.via().iter().map(|state| state.to_string()).collect();
    if !via.is_empty() {
        drop(write!(out, "via {}  ", via.join(" ")));
    }
    if let When::Between { min, max } = change.when {
        drop(write!(out, "({}, within ", change.source.name()));
        cells::micros(out, max.since(min) / 1_000);
        out.extend_from_slice(b")  ");
    }
    if !change.is_local() {
        // Trace events come from every namespace; no snapshot of this one had it.
        out.extend_from_slice(b"[netns unknown]  ");
    }
    if let Some(reason) = change.reason {
        drop(write!(out, "[{}]  ", reason.name()));
    }
}

fn ends(out: &mut Vec<u8>, change: &Transition, arrow: &str, names: &mut Names) {
    let socket = Socket::of_identity(&change.identity, change.to);
    match change.identity.endpoints() {
        Some((local, remote)) => {
            cells::local_end(out, &socket, local, names);
            if remote.port != 0 {
                drop(write!(out, " {arrow} "));
                cells::remote_end(out, &socket, remote, names);
            }
        }
        None => drop(write!(out, "unix inode:{}", change.identity.inode)),
    }
}

/// Appends how long it lasted; "at least nothing" says nothing, so it is not said.
fn lasted(out: &mut Vec<u8>, dwell: Dwell) {
    let micros = dwell.min / 1_000;
    if !dwell.is_exact() && micros == 0 {
        return;
    }
    out.extend_from_slice(if dwell.is_exact() { b"after " } else { b"after at least " });
    cells::micros(out, micros);
    out.extend_from_slice(b"  ");
}

fn owner(out: &mut Vec<u8>, change: &Transition) {
    let Some(owner) = &change.owner else { return };
    out.extend_from_slice(if owner.former { b"  was " } else { b"  " });
    for (i, process) in owner.processes.iter().enumerate() {
        let mut comm = String::from(if i > 0 { "," } else { "" });
        push_escaped(&mut comm, &process.comm);
        drop(write!(out, "{comm}[{}]", process.pid));
    }
}

/// Writes the matrix of what happened.
pub fn summary(out: &mut Out<'_>, style: &Style, matrix: &Matrix) {
    const COLUMNS: [TableColumn; 7] = [
        TableColumn::text("FROM"),
        TableColumn::text("TO"),
        TableColumn::number("COUNT"),
        TableColumn::number("EXACT"),
        TableColumn::number("P50"),
        TableColumn::number("P90"),
        TableColumn::number("P99"),
    ];
    let mut table = TableWriter::new(out, style, COLUMNS.to_vec(), true);
    for (from, to, cell) in matrix.cells() {
        table.row(|cells| {
            let name = |state: State| state.to_string();
            let from = from.map_or("-".to_owned(), name);
            cells.cell(Tone::Plain, |out| out.extend_from_slice(from.as_bytes()));
            cells.cell(state_tone(to), |out| out.extend_from_slice(name(to).as_bytes()));
            cells.cell(Tone::Plain, |out| cells::number(out, cell.count));
            cells.cell(Tone::Plain, |out| cells::number(out, cell.exact));
            for percent in [50, 90, 99] {
                cells.cell(Tone::Plain, |out| {
                    if let Some(nanos) = cell.dwell.percentile(percent) {
                        cells::micros(out, nanos / 1_000);
                    }
                });
            }
        });
    }
    table.finish();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_where_it_says_something() {
        let text = |min, max| {
            let mut out = Vec::new();
            lasted(&mut out, Dwell { min, max });
            String::from_utf8(out).expect("text")
        };
        assert_eq!(text(2_500_000, Some(2_500_000)), "after 2.5ms  ");
        assert_eq!(text(2_500_000, None), "after at least 2.5ms  ");
        assert_eq!(text(0, Some(0)), "after 0us  ");
        assert_eq!(text(0, Some(5_000_000)), "");
        assert_eq!(text(999, None), "");
    }
}
