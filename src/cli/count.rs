//! `count`: how many sockets, by state or other keys.

use crate::answer::{self, Count};
use crate::group::{GroupKey, KEYS};
use crate::model::proto::Proto;
use crate::model::state::StateSet;
use crate::output::{json, text};
use crate::sys::clock;

use super::context::Context;
use super::error::Error;
use super::flags;
use super::select;

/// Counts what the flags ask for: TCP, in all states, when they ask nothing.
pub fn run(context: &mut Context<'_>, flags: &flags::CountFlags) -> Result<(), Error> {
    let keys = keys(&flags.by)?;
    let machine = context.machine();
    let defaults = select::Defaults { protos: &[Proto::Tcp], states: StateSet::ALL };
    let mut selection =
        select::selection(&context.shared, &flags.words.all()?, defaults, &machine)?;
    selection.want.any_order = true;
    selection.want.details |=
        keys.iter().any(|key| matches!(key, GroupKey::Cgroup | GroupKey::Unit));
    if context.shared.explain_filter {
        return context.print(selection.explain().as_bytes());
    }
    let mut before: Option<Count> = None;
    flags.repeat.run(context, &mut |context| {
        let count = answer::count(&machine, &selection, keys.clone())?;
        write(context, &count, before.as_ref(), flags.repeat.is_on())?;
        before = Some(count);
        Ok(())
    })
}

fn write(
    context: &mut Context<'_>,
    count: &Count,
    before: Option<&Count>,
    repeated: bool,
) -> Result<(), Error> {
    let (at, header, as_json) = (context.at, context.header(), context.shared.json);
    let (mut out, style) = context.output();
    if as_json {
        json::count(&mut out, at, count, before);
    } else {
        if repeated {
            out.write(format!("{}\n", clock::local_time_of_day(at)).as_bytes());
        }
        text::count(&mut out, style, count, before, header);
    }
    out.finish()?;
    context.footer(&count.report.gaps);
    Ok(())
}

fn keys(names: &[String]) -> Result<Vec<GroupKey>, Error> {
    let mut keys = Vec::new();
    for name in names {
        let key = GroupKey::parse(name).ok_or_else(|| {
            let known: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
            Error::Usage(format!("cannot count by '{name}': use {}", known.join(", ")))
        })?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}
