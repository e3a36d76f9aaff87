//! The table of `ports`, with what holds for all of its rows before it.

use std::io::Write;

use crate::model::address::{Address, Endpoint};
use crate::model::escape::escaped;
use crate::model::human;
use crate::model::ports::{Blocked, Budget, PortUse, Reuse, SourceBudget};
use crate::model::proto::Proto;
use crate::output::cells;
use crate::output::out::Out;
use crate::output::style::{Style, Tone};
use crate::output::table::{Cells, TableColumn, TableWriter};
use crate::survey::{Openers, PortsView};
use crate::sys::names::Names;

const COLUMNS: [TableColumn; 7] = [
    TableColumn::text("SOURCE"),
    TableColumn::text("DESTINATION"),
    TableColumn::number("USED"),
    TableColumn::number("SHARE"),
    TableColumn::number("TIME_WAIT"),
    TableColumn::number("PER_SECOND"),
    TableColumn::text("EMPTY_IN"),
];

/// Shares from which a budget is worth a look, and wrong: those of the rule
/// port-exhaustion.
const WARN_SHARE: f64 = 0.8;
const BAD_SHARE: f64 = 0.95;

/// The parts of the view that are shown.
#[derive(Clone, Copy, Debug)]
pub struct PortsLayout {
    /// Heads, and what holds for all budgets.
    pub header: bool,
    /// The processes of each budget.
    pub processes: bool,
}

/// A twentieth of the ports: fewer that look bound are not worth a note.
const NOTED_PART: u32 = 20;

/// Processes shown with a budget.
const MOST_OPENERS: usize = 3;

/// Writes every budget; without `header` nothing else.
pub fn ports(
    out: &mut Out<'_>,
    style: &Style,
    view: &PortsView,
    layout: PortsLayout,
    mut names: Names,
) {
    let header = layout.header;
    let Some(ports) = &view.ports else {
        // A gap says why.
        return;
    };
    if header {
        out.write(preface(ports).as_bytes());
    }
    let mut columns = COLUMNS.to_vec();
    if layout.processes {
        columns.push(TableColumn::text("PROCESSES"));
    }
    let mut table = TableWriter::new(out, style, columns, header);
    for budget in &ports.budgets {
        table.row(|cells| {
            row(cells, budget, &mut names);
            if layout.processes {
                cells.cell(Tone::Plain, |out| openers(out, &view.openers, budget));
            }
        });
    }
    table.finish();
    if header {
        let worth = |source: &&SourceBudget| source.likely_bound * NOTED_PART >= source.capacity;
        let notes = ports.sources.iter().filter(|source| source.likely_bound > 0).filter(worth);
        notes.for_each(|source| out.write(binds_first(source).as_bytes()));
        let silent = ports.sources.iter().filter(|source| source.tells_nothing());
        silent.for_each(|source| out.write(tells_nothing(source).as_bytes()));
    }
}

/// Returns what holds for every budget.
fn preface(ports: &PortUse) -> String {
    let range = &ports.range;
    let reserved = match range.reserved {
        0 => String::new(),
        n => format!(" besides {} reserved", human::count(n.into())),
    };
    let reuse = match ports.reuse {
        Reuse::Never => "a port in TIME_WAIT is not used again",
        Reuse::Loopback => "a port in TIME_WAIT is used again on loopback only",
        Reuse::Always => "a port in TIME_WAIT is used again when timestamps allow",
        Reuse::Unknown => "whether a port in TIME_WAIT is used again is not known",
    };
    format!(
        "range {}-{}: {}{reserved}{}\n{reuse}\n\n",
        range.low,
        range.high,
        human::plural(range.ports().into(), "port"),
        blocked(&ports.blocked),
    )
}

fn blocked(blocked: &Blocked) -> String {
    let parts: Vec<String> = [
        (blocked.listening, "by listeners"),
        (blocked.bound, "by bound sockets"),
        (blocked.explicit, "by connections bound to a number"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{} {what}", human::count(n.into())))
    .collect();
    if parts.is_empty() {
        return String::new();
    }
    format!("; taken from every connect(): {}", parts.join(", "))
}

fn row(cells: &mut Cells, budget: &Budget, names: &mut Names) {
    let share = budget.ratio();
    let tone = match share {
        share if share >= BAD_SHARE => Tone::Bad,
        share if share >= WARN_SHARE => Tone::Warn,
        _ => Tone::Plain,
    };
    cells.cell(Tone::Plain, |out| host(out, budget.source, names));
    cells.cell(Tone::Plain, |out| place(out, budget.destination, names));
    cells.cell(tone, |out| drop(write!(out, "{}/{}", budget.taken(), budget.capacity)));
    cells.cell(tone, |out| drop(write!(out, "{:.0}%", (share * 100.0).floor())));
    cells.cell(Tone::Plain, |out| {
        cells::number(out, budget.time_wait);
        if budget.reusable > 0 {
            drop(write!(out, ",{} reusable", budget.reusable));
        }
    });
    cells.cell(Tone::Plain, |out| {
        if let Some(growth) = budget.growth {
            drop(write!(out, "{:+.1}", growth.per_second));
        }
    });
    cells.cell(tone, |out| {
        if let Some(ms) = budget.exhausted_in_ms() {
            cells::duration(out, ms);
        }
    });
}

/// Appends those with most connections: `api[812]:20,cron[9]:1`.
fn openers(out: &mut Vec<u8>, openers: &Openers, budget: &Budget) {
    let all = openers.of(budget);
    for (i, (pid, comm, count)) in all.iter().take(MOST_OPENERS).enumerate() {
        let comma = if i > 0 { "," } else { "" };
        drop(write!(out, "{comma}{}[{pid}]:{count}", escaped(comm)));
    }
    if all.len() > MOST_OPENERS {
        drop(write!(out, ",{} more", all.len() - MOST_OPENERS));
    }
}

fn host(out: &mut Vec<u8>, address: Address, names: &mut Names) {
    match names.host(address) {
        // Whoever runs the name server chose it.
        Some(host) => out.extend_from_slice(escaped(host.as_bytes()).as_bytes()),
        None => cells::address(out, &address),
    }
}

fn place(out: &mut Vec<u8>, end: Endpoint, names: &mut Names) {
    let brackets = end.address.as_v4().is_none();
    out.extend_from_slice(if brackets { b"[" } else { b"" });
    host(out, end.address, names);
    out.extend_from_slice(if brackets { b"]:" } else { b":" });
    match names.service(end.port, Proto::Tcp) {
        Some(service) => out.extend_from_slice(service.as_bytes()),
        None => cells::number(out, end.port),
    }
}

/// Returns the budget that holds for programs that bind first.
fn binds_first(source: &SourceBudget) -> String {
    format!(
        "{}: about {} look chosen by bind() before connect(): no other connect() gets them, and \
         such programs have {} of {} for all destinations together; IP_BIND_ADDRESS_NO_PORT would \
         end that\n",
        source.source,
        human::plural(source.likely_bound.into(), "port"),
        human::count(source.left().into()),
        human::count(source.capacity.into()),
    )
}

/// Says that the same may hold, and nothing shows it.
fn tells_nothing(source: &SourceBudget) -> String {
    format!(
        "{}: whether bind() before connect() chose its {} cannot be told; if so, no other \
         connect() gets them, and IP_BIND_ADDRESS_NO_PORT would end that\n",
        source.source,
        human::plural(source.used.saturating_sub(source.blocked).into(), "port"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ports::{Growth, GrowthSeen, Range};
    use crate::source::Report;

    fn budget(used: u32, time_wait: u32, per_second: Option<f64>) -> Budget {
        let growth = per_second.map(|per_second| Growth { per_second, seen: GrowthSeen::TwoLooks });
        let (source, destination) = (Address::v4([10, 0, 0, 5]), Address::v4([10, 0, 3, 7]));
        let destination = Endpoint::new(destination, 5432);
        Budget { source, destination, used, time_wait, reusable: 0, capacity: 60, growth }
    }

    fn draw(header: bool, blocked: Blocked, likely_bound: u32) -> String {
        let source = Address::v4([10, 0, 0, 5]);
        let ports = PortUse {
            range: Range { low: 40000, high: 40061, reserved: 2 },
            blocked,
            touched: 58,
            reuse: Reuse::Loopback,
            budgets: vec![budget(57, 7, Some(0.25)), budget(20, 0, None)],
            sources: vec![SourceBudget {
                source,
                used: 58,
                shared: 3,
                blocked: 0,
                likely_bound,
                capacity: 60,
            }],
        };
        let view = PortsView {
            ports: Some(ports),
            explicit_known: true,
            bound_known: true,
            openers: Openers::default(),
            report: Report::default(),
        };
        let mut sink = Vec::new();
        let mut out = Out::new(&mut sink);
        let style = Style { color: false, width: None };
        let layout = PortsLayout { header, processes: false };
        super::ports(&mut out, &style, &view, layout, Names::new(false));
        out.finish().expect("a Vec takes everything");
        String::from_utf8(sink).expect("only text was written")
    }

    #[test]
    fn budgets_show_their_share_their_pace_and_their_end() {
        assert_eq!(
            draw(true, Blocked::default(), 0),
            "range 40000-40061: 60 ports besides 2 reserved\n\
             a port in TIME_WAIT is used again on loopback only\n\n\
             SOURCE    DESTINATION     USED  SHARE  TIME_WAIT  PER_SECOND  EMPTY_IN\n\
             10.0.0.5  10.0.3.7:5432  57/60    95%          7        +0.2  12s\n\
             10.0.0.5  10.0.3.7:5432  20/60    33%          0           -  -\n"
        );
    }

    #[test]
    fn what_takes_ports_from_everyone_is_told() {
        let blocked = Blocked { listening: 2, bound: 0, explicit: 1 };
        let text = draw(true, blocked, 12);
        let first = "range 40000-40061: 60 ports besides 2 reserved; taken from every connect(): \
                     2 by listeners, 1 by connections bound to a number\n";
        assert!(text.starts_with(first), "{text}");
        let last = "10.0.0.5: about 12 ports look chosen by bind() before connect(): no other \
                    connect() gets them, and such programs have 2 of 60 for all destinations \
                    together; IP_BIND_ADDRESS_NO_PORT would end that\n";
        assert!(text.ends_with(last), "{text}");
        assert_eq!(draw(false, blocked, 12).lines().count(), 2, "rows alone for scripts");
    }

    #[test]
    fn ports_that_do_not_tell_who_chose_them_are_a_note() {
        let source = Address::v4([10, 0, 0, 5]);
        let full =
            SourceBudget { source, used: 54, shared: 0, blocked: 0, likely_bound: 0, capacity: 60 };
        assert!(full.tells_nothing());
        assert!(!SourceBudget { shared: 1, ..full }.tells_nothing(), "bind() would not share");
        assert!(!SourceBudget { used: 53, ..full }.tells_nothing(), "the parities tell");
        assert!(!SourceBudget { blocked: 54, ..full }.tells_nothing(), "it is known");
        assert_eq!(
            tells_nothing(&full),
            "10.0.0.5: whether bind() before connect() chose its 54 ports cannot be told; if so, \
             no other connect() gets them, and IP_BIND_ADDRESS_NO_PORT would end that\n"
        );
    }
}
