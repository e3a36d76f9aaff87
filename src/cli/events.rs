//! `events`: transitions as they happen.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::time::Duration;

use crate::engine::{Stream, Told};
use crate::matrix::Matrix;
use crate::output::{json, text};
use crate::sys::clock;
use crate::sys::signal::Ending;

use super::context::Context;
use super::error::Error;
use super::flags::EventsFlags;
use super::repeat::nanos;
use super::transitions::{self, Chosen};

/// Prints transitions until something ends it.
pub fn run(context: &mut Context<'_>, flags: &EventsFlags) -> Result<(), Error> {
    let engine = context.engine();
    let chosen = Chosen::new(&context.shared, &flags.words.all()?, &engine)?;
    if context.shared.explain_filter {
        return context.print(chosen.explain().as_bytes());
    }
    let want = chosen.want();
    let (mut stream, sources) =
        Stream::open(&engine, want, transitions::events(context.shared.source))
            .map_err(Error::Failed)?;
    context.note(&format!("events by {sources}\n"));
    let ending = Ending::watch()
        .map_err(|error| Error::Failed(format!("no signal can be caught: {error}")))?;
    let mut teller = Teller { chosen, matrix: Matrix::default() };
    let result = follow(context, flags, &mut stream, &ending, &mut teller);
    if flags.summary.is_some() {
        teller.summarise(context)?;
    }
    result?;
    ending.status().map_or(Ok(()), |status| Err(Error::Signal(status)))
}

fn follow(
    context: &mut Context<'_>,
    flags: &EventsFlags,
    stream: &mut Stream<'_>,
    ending: &Ending,
    teller: &mut Teller,
) -> Result<(), Error> {
    let begun = clock::monotonic_ns();
    let end = flags.duration.map(|duration| begun.saturating_add(nanos(duration)));
    let every = flags.summary.flatten().map(nanos);
    let (mut look_at, mut summary_at) = (begun, every.map(|every| begun.saturating_add(every)));
    loop {
        let now = clock::monotonic_ns();
        let is_over = ending.status().is_some() || end.is_some_and(|end| now >= end);
        // The last look is for what happened since the one before.
        if now >= look_at || is_over {
            let again = stream.look()?;
            look_at =
                if again { 0 } else { clock::monotonic_ns().saturating_add(nanos(flags.interval)) };
        }
        teller.tell(context, stream, flags.summary.is_some())?;
        if is_over {
            return Ok(());
        }
        if let Some(at) = summary_at.filter(|at| now >= *at) {
            teller.summarise(context)?;
            teller.matrix = Matrix::default();
            summary_at = every.map(|every| at.saturating_add(every));
        }
        let due = end.map_or(look_at, |end| end.min(look_at));
        let wait = Duration::from_nanos(due.saturating_sub(clock::monotonic_ns()));
        let lost = stream
            .listen(wait)
            .map_err(|error| Error::Failed(format!("events can no longer be read: {error}")))?;
        if lost {
            look_at = 0;
        }
    }
}

/// Decides what is told, and tells it.
struct Teller {
    chosen: Chosen,
    matrix: Matrix,
}

impl Teller {
    fn tell(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut Stream<'_>,
        counting: bool,
    ) -> Result<(), Error> {
        let clocks = stream.clocks();
        let as_json = context.shared.json;
        let (mut names, unicode) = (context.names(), context.unicode());
        let (mut out, style) = context.output();
        let mut pen = text::Pen { style, unicode, names: &mut names };
        let mut notes = String::new();
        while let Some(told) = stream.next_told() {
            match told {
                Told::Transition(change) if self.chosen.takes(&change) => {
                    self.matrix.add(&change);
                    match (counting, as_json) {
                        (true, _) => {}
                        (false, true) => json::transition(&mut out, &change, clocks),
                        (false, false) => text::transition(&mut out, &change, clocks, &mut pen),
                    }
                }
                Told::Transition(_) => {}
                Told::Gap(gap) if as_json => json::gap(&mut out, &gap, clock::now()),
                Told::Gap(gap) => notes += &text::gaps(&[gap]),
            }
        }
        out.finish()?;
        context.note(&notes);
        Ok(())
    }

    fn summarise(&self, context: &mut Context<'_>) -> Result<(), Error> {
        let as_json = context.shared.json;
        let (mut out, style) = context.output();
        if as_json {
            json::summary(&mut out, &self.matrix, clock::now());
        } else {
            text::summary(&mut out, style, &self.matrix);
        }
        Ok(out.finish()?)
    }
}
