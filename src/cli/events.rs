//! `events`: transitions as they happen.

use std::time::Duration;

use crate::engine::{Events, Lookups, Selection, Stream, Told};
use crate::matrix::Matrix;
use crate::model::facts::Facts;
use crate::model::owner::{Holder, Owners};
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::state::{State, StateSet, TCP_STATES};
use crate::model::transition::Transition;
use crate::model::want::Proto;
use crate::output::{json, text};
use crate::sys::clock;
use crate::sys::signal::Ending;

use super::context::Context;
use super::error::Error;
use super::flags::{EventsFlags, SourceChoice};
use super::repeat::nanos;
use super::select;

/// Prints transitions until something ends it.
pub fn run(context: &mut Context<'_>, flags: &EventsFlags) -> Result<(), Error> {
    let (ends, words) = ends(&flags.words.words)?;
    let engine = context.engine();
    let defaults = select::Defaults { protos: &[Proto::Tcp], states: StateSet::ALL };
    let selection = select::selection(&context.shared, &words, defaults, &engine)?;
    if context.shared.explain_filter {
        return context.print((selection.explain() + &ends.explain()).as_bytes());
    }
    let mut want = selection.want.clone();
    want.states = StateSet::ALL;
    let (mut stream, sources) =
        Stream::open(&engine, want, choice(context.shared.source)).map_err(Error::Failed)?;
    context.note(&format!("events by {sources}\n"));
    let ending = Ending::watch()
        .map_err(|error| Error::Failed(format!("no signal can be caught: {error}")))?;
    let mut teller = Teller { ends, selection, matrix: Matrix::default() };
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
    let end = flags.duration.map(|duration| begun + nanos(duration));
    let every = flags.summary.flatten().map(nanos);
    let (mut look_at, mut summary_at) = (begun, every.map(|every| begun + every));
    loop {
        let now = clock::monotonic_ns();
        let is_over = ending.status().is_some() || end.is_some_and(|end| now >= end);
        // The last look is for what happened since the one before.
        if now >= look_at || is_over {
            let again = stream.look()?;
            look_at = if again { 0 } else { clock::monotonic_ns() + nanos(flags.interval) };
        }
        teller.tell(context, stream, flags.summary.is_some())?;
        if is_over {
            return Ok(());
        }
        if let Some(at) = summary_at.filter(|at| now >= *at) {
            teller.summarise(context)?;
            teller.matrix = Matrix::default();
            summary_at = every.map(|every| at + every);
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

fn choice(source: SourceChoice) -> Events {
    match source {
        SourceChoice::Auto | SourceChoice::Netlink => Events::Auto,
        SourceChoice::Tracepoint => Events::Tracepoint,
        SourceChoice::Destroy => Events::Destroy,
        SourceChoice::Poll | SourceChoice::Proc => Events::Poll,
    }
}

/// The states a transition must come from or go to, by the words `from` and
/// `to`.
#[derive(Clone, Copy)]
struct EndStates {
    from: Option<StateSet>,
    to: Option<StateSet>,
}

impl EndStates {
    /// What is wanted of a transition, in lines of its own.
    fn explain(self) -> String {
        let names = |set: StateSet| {
            let all = TCP_STATES.into_iter().chain([State::Bound]);
            let states = all.filter(|state| set.contains(*state));
            states.map(|state| state.to_string()).collect::<Vec<String>>().join(" ")
        };
        let line =
            |word, set: Option<StateSet>| set.map(|set| format!("  {word} {}\n", names(set)));
        let lines = [line("from", self.from), line("to", self.to)];
        let lines: String = lines.into_iter().flatten().collect();
        if lines.is_empty() { lines } else { format!("\ntransitions\n{lines}") }
    }
}

/// Takes `from STATE` and `to STATE` out of the words; the rest is the filter.
fn ends(words: &[String]) -> Result<(EndStates, Vec<String>), Error> {
    let text = words.join(" ");
    let mut ends = EndStates { from: None, to: None };
    let mut rest = Vec::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let end = match word.to_ascii_lowercase().as_str() {
            "from" => &mut ends.from,
            "to" => &mut ends.to,
            _ => {
                rest.push(word.to_owned());
                continue;
            }
        };
        let allowed = StateSet::allowed_names;
        let name = words
            .next()
            .ok_or_else(|| Error::Usage(format!("'{word}' needs a state: {}", allowed())))?;
        let set = StateSet::parse(name)
            .ok_or_else(|| Error::Usage(format!("unknown state '{name}': {}", allowed())))?;
        *end = Some(end.map_or(set, |before| before.union(set)));
    }
    Ok((ends, rest))
}

/// Decides what is told, and tells it.
struct Teller {
    ends: EndStates,
    selection: Selection,
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
                Told::Transition(change) if self.takes(&change) => {
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

    /// A filter's states match either end of a transition.
    fn takes(&self, change: &Transition) -> bool {
        let in_set = |set: Option<StateSet>, state| set.is_none_or(|set| set.contains(state));
        let from = change.from.is_some_and(|state| in_set(self.ends.from, state))
            || self.ends.from.is_none();
        if !from || !in_set(self.ends.to, change.to) {
            return false;
        }
        let lookups = Lookups { owners: owners(change).into(), ..Lookups::default() };
        change.from.into_iter().chain([change.to]).any(|state| {
            let mut socket = Socket::of_identity(&change.identity, state);
            // Owners are keyed by inode, which a closed socket has no more.
            socket.inode = KNOWN_INODE;
            self.selection.takes(&Row { socket, facts: Facts::None }, &lookups, true)
        })
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

const KNOWN_INODE: u32 = 1;

fn owners(change: &Transition) -> Owners {
    let mut owners = Owners::default();
    for process in change.owner.iter().flat_map(|owner| owner.processes.iter()) {
        owners.add(KNOWN_INODE, Holder { pid: process.pid, fd: 0 });
        owners.name_process(process.pid, process.comm.clone());
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_taken_out_of_the_words() {
        let words = ["dport = :80", "to", "close-wait", "from", "estab", "to", "time-wait"];
        let (ends, rest) = ends(&words.map(str::to_owned)).expect("understood");
        assert_eq!(ends.from, Some(State::Established.into()));
        assert_eq!(ends.to, Some(StateSet::from_iter([State::CloseWait, State::TimeWait])));
        assert_eq!(rest, ["dport", "=", ":80"]);
        assert!(super::ends(&["to".to_owned()]).is_err());
        assert!(super::ends(&["to".to_owned(), "nowhere".to_owned()]).is_err());
    }
}
