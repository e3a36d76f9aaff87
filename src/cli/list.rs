//! `list`: one line a socket.

mod chosen;
mod kill;
mod plan;
mod seen;
mod writer;

use std::ops::ControlFlow;
use std::path::Path;

use crate::answer;
use crate::machine::Machine;
use crate::model::gap::Gap;
use crate::model::human;
use crate::model::row::Row;
use crate::model::snapshot::StateCounts;
use crate::model::state::{State, StateSet};
use crate::model::table::Table;
use crate::output::columns;
use crate::sys::clock;
use crate::sys::files::{self, Existing, NewFile};

use super::context::Context;
use super::error::Error;
use super::flags::ListFlags;
use super::status;

use chosen::chosen;
use plan::ListPlan;
use seen::SeenSockets;
use writer::{Writer, WriterSettings};

/// Lists what the flags ask for.
pub fn run(context: &mut Context<'_>, flags: &ListFlags) -> Result<(), Error> {
    if flags.summary {
        return status::run(context, &flags.repeat);
    }
    if flags.asks_for_columns() {
        return context.print(columns::help().as_bytes());
    }
    let machine = match &flags.from {
        Some(file) => Machine::of_file(file, &context.shared.proc_root),
        None => context.machine(),
    };
    let plan = ListPlan::new(context, flags, &machine)?;
    if context.shared.explain_filter {
        return context.print(plan.selection.explain().as_bytes());
    }
    if let Some(path) = &flags.dump {
        let gaps = record(&plan, path)?;
        context.footer(&gaps);
        if plan.selection.is_decided_here() {
            context
                .note("the dump holds more than the filter selects: give --from the same filter\n");
        }
        return Ok(());
    }
    if flags.kill {
        return kill::run(context, flags, &machine, &plan);
    }
    let mut seen = flags.repeat.is_on().then(SeenSockets::default);
    flags.repeat.run(context, &mut |context| list(context, &machine, &plan, seen.as_mut()))
}

fn record(plan: &ListPlan, path: &Path) -> Result<Vec<Gap>, Error> {
    let tables = &plan.selection.want.tables;
    let mixed = tables.iter().any(|table| Some(table.proto) != tables.first().map(|t| t.proto));
    if mixed || tables.iter().any(|table| !table.family.is_internet()) {
        return Err(Error::Usage(
            "--dump records one internet protocol: its rows do not tell which it is, and others \
             have no place in such a file"
                .into(),
        ));
    }
    let failed = |error| Error::Failed(format!("cannot write {}: {error}", path.display()));
    let want = &plan.selection.want;
    if path == Path::new(files::STANDARD) {
        let file = files::standard_output().map_err(failed)?;
        return answer::record(want, file)?.map_err(failed);
    }
    let mut new = NewFile::create(path, Existing::Replace).map_err(failed)?;
    let file = new.file().try_clone().map_err(failed)?;
    let gaps = answer::record(want, file)?.map_err(failed)?;
    new.finish().map_err(failed)?;
    Ok(gaps)
}

/// Lists once; in a repeated list also how many sockets are new and how many
/// are gone since the round before.
fn list(
    context: &mut Context<'_>,
    machine: &Machine,
    plan: &ListPlan,
    mut seen: Option<&mut SeenSockets>,
) -> Result<(), Error> {
    let mut lookups = plan.lookups(machine)?;
    let mut left_out = StateCounts::default();
    let mut want = plan.selection.want.clone();
    if plan.unasked_states && context.terminal && !context.shared.json {
        // All states are read, to say how many are not shown.
        want.states = StateSet::ALL;
    }
    let (at, terminal, json) = (context.at, context.terminal, context.shared.json);
    let writer_settings = WriterSettings::new(context);
    let (mut out, style) = context.output();
    let mut writer = Writer::new(&mut out, style, plan, writer_settings);
    let mut keep = plan.must_keep().then(Table::default);
    let mut room = plan.limit;
    let mut report = machine.scan(&want, &mut |row| {
        if !plan.selection.takes(row, &lookups, false) {
            return ControlFlow::Continue(());
        }
        if terminal && !plan.shows(row) {
            left_out.add(row.socket.state);
            return ControlFlow::Continue(());
        }
        match &mut keep {
            Some(table) => table.push(row),
            None if room == 0 => return ControlFlow::Break(()),
            None => {
                room -= 1;
                note(&mut seen, row);
                writer.row(row, &lookups);
            }
        }
        if writer.failed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(table) = keep {
        for row in chosen(plan, machine, &table, &mut lookups, &mut report) {
            note(&mut seen, &row);
            writer.row(&row, &lookups);
            if writer.failed() {
                break;
            }
        }
    }
    let changes = seen.and_then(SeenSockets::turn);
    writer.finish(at, &report, changes);
    if let Some(changes) = changes.filter(|_| !json) {
        let time = clock::local_time_of_day(at);
        out.write(format!("{time}  {}\n\n", changes.text()).as_bytes());
    }
    out.finish()?;
    context.footer(&report.gaps);
    // A scan that --limit ended has not counted them all.
    if let Some(note) = left_out_note(&left_out).filter(|_| !report.stopped) {
        context.note(&note);
    }
    if report.damaged { Err(Error::Told) } else { Ok(()) }
}

fn note(seen: &mut Option<&mut SeenSockets>, row: &Row<'_>) {
    if let Some(seen) = seen {
        seen.add(row);
    }
}

/// Returns a line like `not shown: 21 LISTEN, 388 TIME_WAIT (-a shows all)`.
fn left_out_note(counts: &StateCounts) -> Option<String> {
    let parts: Vec<String> = (0..=255)
        .map(State::from_kernel)
        .filter(|state| counts.get(*state) > 0)
        .map(|state| format!("{} {state}", human::count(counts.get(state))))
        .collect();
    (!parts.is_empty()).then(|| format!("not shown: {} (-a shows all)\n", parts.join(", ")))
}
