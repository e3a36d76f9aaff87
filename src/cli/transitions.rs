//! The choice of transitions that `events` and `watch` tell, and of the events that show them.

use crate::live::Events;
use crate::machine::Machine;
use crate::model::proto::Proto;
use crate::model::state::{State, StateSet, TCP_STATES};
use crate::model::transition::Transition;
use crate::model::want::Want;
use crate::query::Selection;

use super::error::Error;
use super::flags::{SharedFlags, SourceChoice};
use super::select;

/// Returns the events that a choice of source names.
pub fn events(source: SourceChoice) -> Events {
    match source {
        SourceChoice::Auto | SourceChoice::Netlink => Events::Auto,
        SourceChoice::Tracepoint => Events::Tracepoint,
        SourceChoice::Destroy => Events::Destroy,
        SourceChoice::Poll | SourceChoice::Proc => Events::Poll,
    }
}

/// The transitions that words choose.
pub struct Chosen {
    ends: EndStates,
    selection: Selection,
}

impl Chosen {
    /// From the words of a filter, with `from STATE` and `to STATE` among them;
    /// `protos` are those of which transitions are told where no flag names any.
    ///
    /// # Errors
    /// When they make no sense.
    pub fn new(
        shared: &SharedFlags,
        words: &[String],
        protos: &[Proto],
        machine: &Machine,
    ) -> Result<Self, Error> {
        let (ends, words) = ends(words)?;
        let defaults = select::Defaults { protos, states: StateSet::ALL };
        let selection = select::selection(shared, &words, defaults, machine)?;
        Ok(Self { ends, selection })
    }

    /// Explains how the words were read.
    pub fn explain(&self) -> String {
        self.selection.explain() + &self.ends.explain()
    }

    /// Returns the rows to look at: of every state, since either end may match.
    pub fn want(&self) -> Want {
        Want { states: StateSet::ALL, ..self.selection.want.clone() }
    }

    /// Tells whether a transition is chosen. A filter's states match either end
    /// of it.
    pub fn takes(&self, change: &Transition) -> bool {
        let in_set = |set: Option<StateSet>, state| set.is_none_or(|set| set.contains(state));
        let from = change.from.is_some_and(|state| in_set(self.ends.from, state))
            || self.ends.from.is_none();
        if !from || !in_set(self.ends.to, change.to) {
            return false;
        }
        self.selection.answers(change, true)
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
    /// Explains the states that a transition must have, in lines of its own.
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

/// Returns the text with `from STATE` and `to STATE` blanked out: what is left is the
/// filter, each part of it in its place.
pub fn blanked(text: &str) -> String {
    let mut blanked = text.to_owned();
    let mut end_word = None;
    for word in text.split_whitespace() {
        let start = word.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let end = start.saturating_add(word.len());
        match end_word.take() {
            Some(from) if StateSet::parse(word).is_some() => {
                blanked.replace_range(from..end, &" ".repeat(end.saturating_sub(from)));
            }
            _ if matches!(word.to_ascii_lowercase().as_str(), "from" | "to") => {
                end_word = Some(start);
            }
            _ => {}
        }
    }
    blanked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_blanked_out_moves_nothing() {
        let text = "dport 80 to close-wait and From estab sport 9";
        let blank = blanked(text);
        assert_eq!(blank.len(), text.len());
        assert_eq!(blank.split_whitespace().collect::<Vec<_>>().join(" "), "dport 80 and sport 9");
        assert_eq!(blank.find("sport"), text.find("sport"));
        assert_eq!(blanked("to nowhere"), "to nowhere");
    }

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
