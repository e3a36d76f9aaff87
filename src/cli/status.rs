//! `status`: the overview.

use crate::engine::Overview;
use crate::model::escape::escaped;
use crate::model::state::StateSet;
use crate::model::want::Proto;
use crate::output::{json, text};
use crate::sys::clock;

use super::context::Context;
use super::error::Error;
use super::repeat::Repeat;
use super::{rules, select};

const TABLES: [Proto; 4] = [Proto::Tcp, Proto::Udp, Proto::Raw, Proto::Unix];

/// Shows the overview of the tables the flags name, all when they name none.
pub fn run(context: &mut Context<'_>, repeat: &Repeat) -> Result<(), Error> {
    let engine = context.engine();
    let defaults = select::Defaults { protos: &TABLES, states: StateSet::ALL };
    let selection = select::selection(&context.shared, &[], defaults, &engine)?;
    let config = rules::load(None)?;
    rules::remark(context, &config);
    let own = rules::counting(&config, &context.shared, &engine)?;
    let mut before: Option<Overview> = None;
    repeat.run(context, &mut |context| {
        let overview = engine.overview(selection.want.tables.clone(), &config, &own)?;
        write(context, &overview, before.as_ref())?;
        before = Some(overview);
        Ok(())
    })
}

fn write(
    context: &mut Context<'_>,
    overview: &Overview,
    before: Option<&Overview>,
) -> Result<(), Error> {
    let (at, as_json) = (context.at, context.shared.json);
    let (mut out, style) = context.output();
    if as_json {
        json::status(&mut out, at, overview, before);
    } else {
        let host = overview.frame.host.hostname.as_deref().unwrap_or("this host");
        let heading =
            text::Heading { host: escaped(host.as_bytes()), time: clock::local_time_of_day(at) };
        if before.is_some() {
            out.write(b"\n");
        }
        text::status(&mut out, style, overview, before, &heading);
    }
    out.finish()?;
    context.footer(&overview.report.gaps);
    Ok(())
}
