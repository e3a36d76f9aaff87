//! `listeners`: every accept queue.

use crate::model::want::Proto;
use crate::output::{json, text};

use super::context::Context;
use super::error::Error;
use super::flags::Listeners;
use super::select;

/// Shows every listener: TCP unless the flags say otherwise.
pub fn run(context: &mut Context<'_>, _flags: &Listeners) -> Result<(), Error> {
    let mut tables = select::tables(&context.shared, &[Proto::Tcp]);
    tables.retain(|table| matches!(table.proto, Proto::Tcp | Proto::Unix));
    if tables.is_empty() {
        return Err(Error::Usage("only TCP (-t) and unix (-x) sockets listen".into()));
    }
    let view = context.engine().listeners(&tables)?;
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
