//! `list`: one line a socket.

use std::ops::ControlFlow;

use jiff::Timestamp;

use crate::engine::Engine;
use crate::model::fields::{FIELDS, Field, Order, Value};
use crate::model::frame::StateCounts;
use crate::model::human;
use crate::model::owner::Owners;
use crate::model::row::Row;
use crate::model::state::{State, StateSet};
use crate::model::table::Table;
use crate::model::want::{Extras, Proto, Want};
use crate::output::{json, text};
use crate::source::Report;

use super::context::Context;
use super::error::Error;
use super::flags::{List, Shared};
use super::select;

const TABLES: [Proto; 4] = [Proto::Tcp, Proto::Udp, Proto::Raw, Proto::Unix];

/// Lists what the flags ask for.
pub fn run(context: &mut Context<'_>, flags: &List) -> Result<(), Error> {
    let plan = Plan::new(&context.shared, flags)?;
    let engine = context.engine();
    let unasked = plan.want.states == StateSet::default_view();
    let mut left_out = StateCounts::default();
    let mut want = plan.want.clone();
    if unasked && context.terminal && !context.shared.json {
        // All states are read, to say how many are not shown.
        want.states = StateSet::ALL;
    }
    let shown = |row: &Row<'_>| plan.want.states.contains(row.socket.state);

    let (at, names, header) = (context.at, context.names(), context.header());
    let json = context.shared.json;
    let (mut out, style) = context.output();
    let mut writer = if json {
        Writer::Json(json::Sockets::new(&mut out, plan.details))
    } else {
        Writer::Text(text::Sockets::new(&mut out, style, plan.layout, header, names))
    };
    let mut keep = plan.must_keep().then(Table::default);
    let mut room = plan.limit;
    let mut report = engine.scan(&want, &mut |row| {
        if !shown(row) {
            left_out.add(row.socket.state);
            return ControlFlow::Continue(());
        }
        match &mut keep {
            Some(table) => table.push(row),
            None if room == 0 => return ControlFlow::Break(()),
            None => {
                room -= 1;
                writer.row(row, &Owners::default());
            }
        }
        if writer.failed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(table) = keep {
        write_kept(&plan, &engine, &table, &mut writer, &mut report);
    }
    writer.finish(at, &report);
    out.finish()?;
    context.footer(&report.gaps);
    if let Some(note) = left_out_note(&left_out) {
        context.note(&note);
    }
    Ok(())
}

/// Rows that had to wait, for their order or their owners.
fn write_kept(
    plan: &Plan,
    engine: &Engine,
    table: &Table,
    writer: &mut Writer<'_, '_>,
    report: &mut Report,
) {
    let sort_needs_owners = plan.order.is_some_and(|order| order.field.needs_owners);
    let mut owners = Owners::default();
    if sort_needs_owners {
        owners = look_up(engine, table.iter(), report);
    }
    let mut rows: Vec<Row<'_>> = match plan.order {
        Some(order) => sorted(table, order, &owners),
        None => table.iter().collect(),
    };
    rows.truncate(plan.limit);
    if plan.processes && !sort_needs_owners {
        owners = look_up(engine, rows.iter().copied(), report);
    }
    for row in rows {
        writer.row(&row, &owners);
        if writer.failed() {
            break;
        }
    }
}

fn look_up<'t>(
    engine: &Engine,
    rows: impl Iterator<Item = Row<'t>>,
    report: &mut Report,
) -> Owners {
    let (owners, gap) = engine.owners(rows.map(|row| row.socket.inode));
    report.gaps.extend(gap);
    owners
}

/// Equal rows keep the kernel's order.
fn sorted<'t>(table: &'t Table, order: Order, owners: &Owners) -> Vec<Row<'t>> {
    let mut rows: Vec<(Option<Value>, Row<'t>)> =
        table.iter().map(|row| (order.field.value(&row, owners), row)).collect();
    rows.sort_by(|(a, _), (b, _)| order.compare(a, b));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Where rows go.
#[expect(clippy::large_enum_variant, reason = "there is one in a run")]
enum Writer<'o, 'w> {
    Text(text::Sockets<'o, 'w>),
    Json(json::Sockets<'o, 'w>),
}

impl Writer<'_, '_> {
    fn row(&mut self, row: &Row<'_>, owners: &Owners) {
        match self {
            Self::Text(rows) => rows.row(row, owners),
            Self::Json(rows) => rows.row(row, owners),
        }
    }

    fn failed(&self) -> bool {
        match self {
            Self::Text(rows) => rows.failed(),
            Self::Json(rows) => rows.failed(),
        }
    }

    fn finish(self, at: Timestamp, report: &Report) {
        match self {
            Self::Text(rows) => rows.finish(),
            Self::Json(rows) => rows.finish(at, report),
        }
    }
}

/// What the flags come to.
struct Plan {
    want: Want,
    layout: text::Layout,
    details: json::Details,
    order: Option<Order>,
    limit: usize,
    processes: bool,
}

impl Plan {
    fn new(shared: &Shared, flags: &List) -> Result<Self, Error> {
        let mut want = select::want(shared, &flags.words.words, &TABLES, StateSet::default_view())?;
        let order = flags.sort.as_deref().map(order).transpose()?;
        let needs = order.map(|order| order.field.needs).unwrap_or_default();
        // Where every row may have an age it is worth asking for.
        let aged = StateSet::from_iter([State::CloseWait, State::SynSent, State::TimeWait]);
        let age = flags.info || needs.tcp_info || (!want.listening && want.states.is_subset(aged));
        want.extras = Extras {
            tcp_info: age,
            congestion: flags.info,
            memory: flags.memory || needs.memory,
            unix_waiting: false,
        };
        let one_proto = want.tables.iter().all(|table| table.proto == want.tables[0].proto);
        let layout = text::Layout {
            proto: !one_proto || want.tables.iter().any(|table| table.proto == Proto::Unix),
            age,
            timer: flags.timers || flags.extended,
            extended: flags.extended,
            processes: shared.processes,
            tcp_info: flags.info,
            memory: flags.memory,
        };
        let details = json::Details {
            processes: shared.processes,
            tcp_info: flags.info,
            memory: flags.memory,
        };
        let limit = flags.limit.unwrap_or(usize::MAX);
        Ok(Self { want, layout, details, order, limit, processes: shared.processes })
    }

    /// Whether rows must wait until all are there.
    fn must_keep(&self) -> bool {
        self.processes || self.order.is_some()
    }
}

fn order(text: &str) -> Result<Order, Error> {
    let (name, descending) = match text.strip_prefix('-') {
        Some(name) => (name, true),
        None => (text, false),
    };
    let field = Field::parse(name).ok_or_else(|| {
        let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
        Error::Usage(format!("cannot sort by '{name}': use {}", names.join(", ")))
    })?;
    Ok(Order { field, descending })
}

/// `not shown: 21 LISTEN, 388 TIME_WAIT (-a shows all)`
fn left_out_note(counts: &StateCounts) -> Option<String> {
    let parts: Vec<String> = (0..=255)
        .map(State::from_kernel)
        .filter(|state| counts.get(*state) > 0)
        .map(|state| format!("{} {state}", human::count(counts.get(state))))
        .collect();
    (!parts.is_empty()).then(|| format!("not shown: {} (-a shows all)\n", parts.join(", ")))
}
