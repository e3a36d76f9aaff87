//! `count`: how many sockets, by state or other keys.

use crate::group::{KEYS, Key};
use crate::model::state::StateSet;
use crate::model::want::Proto;
use crate::output::{json, text};

use super::context::Context;
use super::error::Error;
use super::flags::Count;
use super::select;

/// Counts what the flags ask for: TCP, in all states, when they ask nothing.
pub fn run(context: &mut Context<'_>, flags: &Count) -> Result<(), Error> {
    let keys = keys(&flags.by)?;
    let engine = context.engine();
    let defaults = select::Defaults { protos: &[Proto::Tcp], states: StateSet::ALL };
    let selection = select::selection(&context.shared, &flags.words.words, defaults, &engine)?;
    if context.shared.explain_filter {
        return context.print(selection.explain().as_bytes());
    }
    let count = engine.count(&selection, keys)?;
    let (at, header) = (context.at, context.header());
    let as_json = context.shared.json;
    let (mut out, style) = context.output();
    if as_json {
        json::count(&mut out, at, &count);
    } else {
        text::count(&mut out, style, &count, header);
    }
    out.finish()?;
    context.footer(&count.report.gaps);
    Ok(())
}

fn keys(names: &[String]) -> Result<Vec<Key>, Error> {
    let mut keys = Vec::new();
    for name in names {
        let key = Key::parse(name).ok_or_else(|| {
            let known: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
            Error::Usage(format!("cannot count by '{name}': use {}", known.join(", ")))
        })?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}
