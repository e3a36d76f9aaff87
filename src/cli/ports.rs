//! `ports`: how many ephemeral ports are left, per source and destination.

use std::thread;
use std::time::Duration;

use crate::engine::{Engine, PortsView, Selection};
use crate::model::proto::Proto;
use crate::model::state::StateSet;
use crate::output::{json, text};
use crate::sys::clock;

use super::context::Context;
use super::error::Error;
use super::flags::Ports;
use super::select;

/// Shows the budgets, after one look or two.
pub fn run(context: &mut Context<'_>, flags: &Ports) -> Result<(), Error> {
    let engine = context.engine();
    if select::tables(&context.shared, &[Proto::Tcp]).iter().any(|t| t.proto != Proto::Tcp) {
        return Err(Error::Usage("ephemeral ports are counted for TCP only (-t, -4, -6)".into()));
    }
    let defaults = select::Defaults { protos: &[Proto::Tcp], states: StateSet::connected() };
    let mut selection = select::selection(&context.shared, &flags.words.all()?, defaults, &engine)?;
    // With -a too.
    selection.want.states = selection.want.states.intersect(StateSet::connected());
    if context.shared.explain_filter {
        return context.print(selection.explain().as_bytes());
    }
    let mut view = look(&engine, &selection, flags.interval, context.shared.processes)?;
    if let (Some(ports), Some(limit)) = (&mut view.ports, flags.limit) {
        ports.budgets.truncate(limit);
    }
    let (at, names, header) = (context.at, context.names(), context.header());
    let (as_json, processes) = (context.shared.json, context.shared.processes);
    let (mut out, style) = context.output();
    if as_json {
        json::ports(&mut out, at, &view, processes);
    } else {
        text::ports(&mut out, style, &view, text::PortsLayout { header, processes }, names);
    }
    out.finish()?;
    context.footer(&view.report.gaps);
    // Without the range there are no budgets; the gap has said why.
    if view.ports.is_some() { Ok(()) } else { Err(Error::Told) }
}

fn look(
    engine: &Engine,
    selection: &Selection,
    interval: Option<Duration>,
    processes: bool,
) -> Result<PortsView, Error> {
    let Some(interval) = interval else { return Ok(engine.ports(selection, processes)?) };
    let first = engine.ports(selection, false)?;
    let began = clock::monotonic_ns();
    thread::sleep(interval);
    let mut second = engine.ports(selection, processes)?;
    let elapsed_ms = clock::monotonic_ns().saturating_sub(began) / 1_000_000;
    if let (Some(now), Some(before)) = (&mut second.ports, &first.ports) {
        now.compare(before, elapsed_ms);
    }
    Ok(second)
}
