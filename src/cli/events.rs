//! `events`: transitions as they happen.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::time::Duration;

use crate::live::{self, AtEnd, Next, Schedule, Stream, StreamItem, Watch};
use crate::matrix::Matrix;
use crate::model::proto::Proto;
use crate::output::{json, text};
use crate::sys::clock;
use crate::sys::signal::Ending;

use super::context::Context;
use super::error::Error;
use super::flags::EventsFlags;
use super::repeat::{caught, nanos};
use super::transitions::{self, Chosen};

/// Prints transitions until something ends it.
pub fn run(context: &mut Context<'_>, flags: &EventsFlags) -> Result<(), Error> {
    let machine = context.machine();
    let chosen = Chosen::new(&context.shared, &flags.words.all()?, &[Proto::Tcp], &machine)?;
    if context.shared.explain_filter {
        return context.print(chosen.explain().as_bytes());
    }
    let want = chosen.want();
    let (mut stream, sources) =
        Stream::open(&machine, want, transitions::events(context.shared.source))
            .map_err(Error::Failed)?;
    // First: who reads that line may signal at once.
    let ending = caught()?;
    context.note(&format!("events by {sources}\n"));
    let mut teller = Teller::new(chosen, flags);
    // The last look is for what happened since the one before.
    let schedule =
        Schedule::new(clock::monotonic_ns(), flags.interval).ending(flags.duration, AtEnd::Look);
    let follow = &mut Follow { context, stream: &mut stream, ending: &ending, teller: &mut teller };
    let result = live::run(schedule, follow);
    if flags.summary.is_some() {
        teller.summarise(context)?;
    }
    result?;
    ending.status().map_or(Ok(()), |status| Err(Error::Signal(status)))
}

/// The stream, and where it is told.
struct Follow<'f, 'w, 'e> {
    context: &'f mut Context<'w>,
    stream: &'f mut Stream<'e>,
    ending: &'f Ending,
    teller: &'f mut Teller,
}

impl Follow<'_, '_, '_> {
    fn tell(&mut self) -> Result<(), Error> {
        self.teller.tell(self.context, self.stream)
    }
}

impl Watch for Follow<'_, '_, '_> {
    type Error = Error;

    fn look(&mut self) -> Result<Next, Error> {
        let lost = self.stream.look()?;
        self.tell()?;
        // Lost events are made good by a look.
        Ok(if lost { Next::Now } else { Next::Due })
    }

    fn wait(&mut self, left: Duration) -> Result<Next, Error> {
        let lost = self
            .stream
            .listen(left)
            .map_err(|error| Error::Failed(format!("events can no longer be read: {error}")))?;
        self.tell()?;
        self.teller.summarise_when_due(self.context)?;
        Ok(if lost { Next::Now } else { Next::Due })
    }

    fn is_over(&self) -> bool {
        self.ending.status().is_some()
    }
}

/// Decides what is told, and tells it.
struct Teller {
    chosen: Chosen,
    matrix: Matrix,
    /// Transitions are counted and not printed.
    counting: bool,
    /// Time between two summaries and when the next is due, where there are
    /// several.
    summaries: Option<(u64, u64)>,
}

impl Teller {
    fn new(chosen: Chosen, flags: &EventsFlags) -> Self {
        let every = flags.summary.flatten().map(nanos);
        let summaries = every.map(|every| (every, clock::monotonic_ns().saturating_add(every)));
        Self { chosen, matrix: Matrix::default(), counting: flags.summary.is_some(), summaries }
    }

    fn tell(&mut self, context: &mut Context<'_>, stream: &mut Stream<'_>) -> Result<(), Error> {
        let clocks = stream.clocks();
        let as_json = context.shared.json;
        let (mut names, unicode) = (context.names(), context.unicode());
        let (mut out, style) = context.output();
        let mut pen = text::Pen { style, unicode, names: &mut names };
        let mut notes = String::new();
        while let Some(item) = stream.next_item() {
            match item {
                StreamItem::Transition(change) if self.chosen.takes(&change) => {
                    self.matrix.add(&change);
                    match (self.counting, as_json) {
                        (true, _) => {}
                        (false, true) => json::transition(&mut out, &change, clocks),
                        (false, false) => text::transition(&mut out, &change, clocks, &mut pen),
                    }
                }
                StreamItem::Transition(_) => {}
                StreamItem::Gap(gap) if as_json => json::gap(&mut out, &gap, clock::now()),
                StreamItem::Gap(gap) => notes += &text::gaps(&[gap]),
            }
        }
        out.finish()?;
        context.note(&notes);
        Ok(())
    }

    fn summarise_when_due(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        let Some((every, due)) = self.summaries else { return Ok(()) };
        if clock::monotonic_ns() < due {
            return Ok(());
        }
        self.summarise(context)?;
        self.matrix = Matrix::default();
        self.summaries = Some((every, due.saturating_add(every)));
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
