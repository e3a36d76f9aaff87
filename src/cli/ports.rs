//! `ports`: how many ephemeral ports are left, per source and destination.

use std::time::Duration;

use crate::live::{self, Next, Schedule, Watch};
use crate::machine::Machine;
use crate::model::proto::Proto;
use crate::model::state::StateSet;
use crate::output::{json, text};
use crate::query::Selection;
use crate::survey::{self, PortsView};
use crate::sys::clock;
use crate::sys::signal::Ending;

use super::context::Context;
use super::error::Error;
use super::flags::PortsFlags;
use super::repeat::{caught, pause};
use super::select;

/// Shows the budgets, after one look or two.
pub fn run(context: &mut Context<'_>, flags: &PortsFlags) -> Result<(), Error> {
    let machine = context.machine();
    if select::tables(&context.shared, &[Proto::Tcp]).iter().any(|t| t.proto != Proto::Tcp) {
        return Err(Error::Usage("ephemeral ports are counted for TCP only (-t, -4, -6)".into()));
    }
    let defaults = select::Defaults { protos: &[Proto::Tcp], states: StateSet::connected() };
    let mut selection =
        select::selection(&context.shared, &flags.words.all()?, defaults, &machine)?;
    // With -a too.
    selection.want.states = selection.want.states.intersect(StateSet::connected());
    if context.shared.explain_filter {
        return context.print(selection.explain().as_bytes());
    }
    let mut view = look(&machine, &selection, flags.interval, context.shared.processes)?;
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

/// Looks once, or twice with a time between, of which the first names nobody.
fn look(
    machine: &Machine,
    selection: &Selection,
    interval: Option<Duration>,
    processes: bool,
) -> Result<PortsView, Error> {
    let Some(interval) = interval else {
        return Ok(survey::ports(machine, selection, processes)?);
    };
    let schedule = Schedule::new(clock::monotonic_ns(), interval).looks(Some(2));
    let ending = caught()?;
    let mut looks = PortsLooks { machine, selection, processes, ending, first: None, second: None };
    live::run(schedule, &mut looks)?;
    if let Some(status) = looks.ending.status() {
        return Err(Error::Signal(status));
    }
    looks.second.ok_or_else(|| Error::Failed("there was no second look".into()))
}

/// Two looks, the second compared with the first.
struct PortsLooks<'l> {
    machine: &'l Machine,
    selection: &'l Selection,
    processes: bool,
    ending: Ending,
    first: Option<(u64, PortsView)>,
    second: Option<PortsView>,
}

impl Watch for PortsLooks<'_> {
    type Error = Error;

    fn look(&mut self) -> Result<Next, Error> {
        let began_ns = clock::monotonic_ns();
        let processes = self.processes && self.first.is_some();
        let mut view = survey::ports(self.machine, self.selection, processes)?;
        let Some((first_ns, first)) = &self.first else {
            self.first = Some((began_ns, view));
            return Ok(Next::Due);
        };
        if let (Some(now), Some(before)) = (&mut view.ports, &first.ports) {
            now.compare(before, began_ns.saturating_sub(*first_ns) / 1_000_000);
        }
        self.second = Some(view);
        Ok(Next::Due)
    }

    fn wait(&mut self, left: Duration) -> Result<Next, Error> {
        pause(left);
        Ok(Next::Due)
    }

    fn is_over(&self) -> bool {
        self.ending.status().is_some()
    }
}
