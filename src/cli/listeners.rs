//! `listeners`: every accept queue.

use crate::model::proto::Proto;
use crate::model::state::State;
use crate::output::{json, text};
use crate::survey;

use super::context::Context;
use super::error::Error;
use super::flags::ListenersFlags;
use super::select;

/// Shows every listener: TCP unless the flags say otherwise.
pub fn run(context: &mut Context<'_>, flags: &ListenersFlags) -> Result<(), Error> {
    let machine = context.machine();
    let defaults = select::Defaults { protos: &[Proto::Tcp], states: State::Listen.into() };
    let mut selection =
        select::selection(&context.shared, &flags.words.all()?, defaults, &machine)?;
    let tables = &mut selection.want.tables;
    tables.retain(|table| matches!(table.proto, Proto::Tcp | Proto::Mptcp | Proto::Unix));
    if select::tables(&context.shared, &[Proto::Tcp])
        .iter()
        .all(|table| !matches!(table.proto, Proto::Tcp | Proto::Mptcp | Proto::Unix))
    {
        return Err(Error::Usage("listeners are TCP (-t), MPTCP (-M) or unix (-x) sockets".into()));
    }
    // Whatever else the flags say.
    selection.want.states = State::Listen.into();
    if context.shared.explain_filter {
        return context.print(selection.explain().as_bytes());
    }
    let view = survey::listeners(&machine, &selection, context.shared.processes)?;
    let (at, names, header) = (context.at, context.names(), context.header());
    let as_json = context.shared.json;
    let (mut out, style) = context.output();
    if as_json {
        json::listeners(&mut out, at, &view);
    } else {
        text::listeners(&mut out, style, &view, header, names);
    }
    out.finish()?;
    context.footer(&view.report.gaps);
    Ok(())
}
