//! The table of `ports`, with what holds for all of its rows before it.

use std::io::Write;

use crate::budget::{Blocked, Budget, PortUse, Reuse, SourceBudget};
use crate::engine::PortsView;
use crate::model::address::{Address, Endpoint};
use crate::model::escape::escaped;
use crate::model::human;
use crate::model::want::Proto;
use crate::output::cells;
use crate::output::out::Out;
use crate::output::style::{Style, Tone};
use crate::output::table::{Cells, Column, Table};
use crate::sys::names::Names;

const COLUMNS: [Column; 7] = [
    Column::text("SOURCE"),
    Column::text("DESTINATION"),
    Column::number("USED"),
    Column::number("SHARE"),
    Column::number("TIME_WAIT"),
    Column::number("PER_SECOND"),
    Column::text("EMPTY_IN"),
];

/// Shares from which a budget is worth a look, and wrong: those of the rule
/// port-exhaustion.
const WARN_SHARE: f64 = 0.8;
const BAD_SHARE: f64 = 0.95;

/// Writes every budget; without `header` nothing else.
pub fn ports(out: &mut Out<'_>, style: &Style, view: &PortsView, header: bool, mut names: Names) {
    let Some(ports) = &view.ports else {
        out.write(b"the range of ephemeral ports is not known\n");
        return;
    };
    if header {
        out.write(preface(ports, view.explicit_known).as_bytes());
    }
    let mut table = Table::new(out, style, COLUMNS.to_vec(), header);
    for budget in &ports.budgets {
        table.row(|cells| row(cells, budget, &mut names));
    }
    table.finish();
    if header {
        let notes = ports.sources.iter().filter(|source| source.likely_bound > 0);
        let range = ports.range.ports();
        notes.for_each(|source| out.write(binds_first(source, range).as_bytes()));
    }
}

/// What holds for every budget.
fn preface(ports: &PortUse, explicit_known: bool) -> String {
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
        blocked(&ports.blocked, explicit_known),
    )
}

fn blocked(blocked: &Blocked, explicit_known: bool) -> String {
    let mut parts: Vec<String> = [
        (blocked.listening, "by listeners"),
        (blocked.bound, "by bound sockets"),
        (blocked.explicit, "by connections bound to a number"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{} {what}", human::count(n.into())))
    .collect();
    if !explicit_known {
        parts.push("by connections bound to a number: not known without netlink".to_owned());
    }
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

/// The budget that holds for programs that bind first.
fn binds_first(source: &SourceBudget, range: u32) -> String {
    format!(
        "{}: about {} look chosen by bind() before connect(): no other connect() gets them, and \
         such programs have {} of {} for all destinations together; IP_BIND_ADDRESS_NO_PORT would \
         end that\n",
        source.source,
        human::plural(source.likely_bound.into(), "port"),
        human::count(range.saturating_sub(source.used).into()),
        human::count(range.into()),
    )
}
