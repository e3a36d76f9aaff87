//! `status`: one round, for people or as JSON.

use crate::live::{GrowthBase, Round, Rounds, Watched, Wishes};
use crate::model::escape::escaped;
use crate::model::proto::Proto;
use crate::model::state::StateSet;
use crate::output::{json, text};
use crate::rules::Needs;
use crate::sys::clock;

use super::context::Context;
use super::error::Error;
use super::flags::RepeatFlags;
use super::{rules, select};

const TABLES: [Proto; 4] = [Proto::Tcp, Proto::Udp, Proto::Raw, Proto::Unix];

/// Shows the overview of the tables the flags name, all when they name none.
pub fn run(context: &mut Context<'_>, repeat: &RepeatFlags) -> Result<(), Error> {
    let machine = context.machine();
    let defaults = select::Defaults { protos: &TABLES, states: StateSet::ALL };
    let selection = select::selection(&context.shared, &[], defaults, &machine)?;
    if !selection.want.tables.iter().any(|table| TABLES.contains(&table.proto)) {
        return Err(Error::Usage(
            "status is about TCP, UDP, raw and unix sockets (-t -u -w -x): 'sockstate count' counts the others"
                .into(),
        ));
    }
    let mut config = rules::load(None)?;
    rules::remark(context, &config);
    config.hold_nothing();
    let custom = rules::counting(&config, &context.shared, &machine)?;
    let tables = selection.want.tables;
    let watched = Watched { machine: &machine, tables, config: &config, custom: &custom };
    let mut rounds = Rounds::of_looks(watched, GrowthBase::LastMinute);
    // The counts are shown whether or not a rule needs them.
    let needs = Needs { glance: true, ..Needs::NONE };
    let wishes = Wishes { needs, tally: true, ..Wishes::default() };
    let mut before: Option<Round> = None;
    repeat.run(context, &mut |context| {
        let round = rounds.round(wishes)?;
        write(context, &round, before.as_ref())?;
        before = Some(round);
        Ok(())
    })
}

fn write(context: &mut Context<'_>, round: &Round, before: Option<&Round>) -> Result<(), Error> {
    let (at, as_json) = (context.at, context.shared.json);
    let (mut out, style) = context.output();
    if as_json {
        json::status(&mut out, at, round, before);
    } else {
        let host = round.snapshot.host.hostname.as_deref().unwrap_or("this host");
        let heading =
            text::Heading { host: escaped(host.as_bytes()), time: clock::local_time_of_day(at) };
        if before.is_some() {
            out.write(b"\n");
        }
        text::status(&mut out, style, round, before, &heading);
    }
    out.finish()?;
    context.footer(&round.report.gaps);
    Ok(())
}
