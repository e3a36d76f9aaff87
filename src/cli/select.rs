//! From flags and words to what is wanted of the kernel.

use crate::model::state::StateSet;
use crate::model::want::{Family, Proto, TableId, Want};

use super::error::Error;
use super::flags::Shared;

/// The tables the flags name; `default` are the protocols when they name none.
pub fn tables(flags: &Shared, default: &[Proto]) -> Vec<TableId> {
    let named: Vec<Proto> = [
        (flags.tcp, Proto::Tcp),
        (flags.udp, Proto::Udp),
        (flags.raw, Proto::Raw),
        (flags.unix, Proto::Unix),
    ]
    .into_iter()
    .filter_map(|(named, proto)| named.then_some(proto))
    .collect();
    let family_named = flags.ipv4 || flags.ipv6;
    let wanted = |table: &TableId| {
        let proto = if named.is_empty() {
            default.contains(&table.proto)
        } else {
            named.contains(&table.proto)
        };
        let family = match table.family {
            Family::Inet => flags.ipv4 || !family_named,
            Family::Inet6 => flags.ipv6 || !family_named,
            // -4 and -6 leave unix sockets out unless -x asks for them.
            Family::Unix => flags.unix || !family_named,
        };
        proto && family
    };
    TableId::ALL.into_iter().filter(wanted).collect()
}

/// What is wanted, with nothing extra; `unasked` are the states when neither
/// flags nor words name any.
pub fn want(
    flags: &Shared,
    words: &[String],
    default: &[Proto],
    unasked: StateSet,
) -> Result<Want, Error> {
    let mut want = Want::all_of(tables(flags, default));
    if want.tables.is_empty() {
        return Err(Error::Usage(
            "the flags leave no table to read: -4 and -6 need one of -t -u -w".into(),
        ));
    }
    match states(words)? {
        Some(states) => want.states = states,
        None if flags.listening => want.listening = true,
        None if flags.all => {}
        None => want.states = unasked,
    }
    Ok(want)
}

/// The states that words choose; `None` without words.
///
/// As in `ss` the first `state` begins with nothing and adds, the first
/// `exclude` begins with everything and takes away.
fn states(words: &[String]) -> Result<Option<StateSet>, Error> {
    let mut chosen: Option<StateSet> = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let add = match word.to_ascii_lowercase().as_str() {
            "state" => true,
            "exclude" | "excl" => false,
            _ => return Err(expression(word)),
        };
        let name = words.next().ok_or_else(|| {
            Error::Usage(format!("'{word}' needs a state: {}", StateSet::allowed_names()))
        })?;
        let set = StateSet::parse(name).ok_or_else(|| {
            Error::Usage(format!("unknown state '{name}': {}", StateSet::allowed_names()))
        })?;
        chosen = Some(match (chosen, add) {
            (None, true) => set,
            (None, false) => StateSet::ALL.without(set),
            (Some(before), true) => before.union(set),
            (Some(before), false) => before.without(set),
        });
    }
    if chosen.is_some_and(StateSet::is_empty) {
        return Err(Error::Usage("no state is left: the words exclude all they name".into()));
    }
    Ok(chosen)
}

fn expression(word: &str) -> Error {
    Error::Usage(format!(
        "'{word}' is no 'state NAME' or 'exclude NAME': filter expressions are not supported yet"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::state::State;

    fn chosen(text: &str) -> Result<Option<StateSet>, Error> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        states(&words)
    }

    fn set(text: &str) -> StateSet {
        chosen(text).expect("understood").expect("words were given")
    }

    #[test]
    fn state_adds_and_exclude_takes_away() {
        assert_eq!(chosen("").expect("no words"), None);
        let both = set("state close-wait state TIME_WAIT");
        assert_eq!(both, StateSet::from_iter([State::CloseWait, State::TimeWait]));
        assert!(!set("exclude listening").contains(State::Listen));
        assert!(set("exclude listening").contains(State::Established));
        assert!(!set("state connected exclude estab").contains(State::Established));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, said) in [
            ("state banana", "unknown state 'banana'"),
            ("state", "'state' needs a state"),
            ("state estab exclude estab", "no state is left"),
            ("dport = :80", "'dport' is no 'state NAME'"),
        ] {
            match chosen(text) {
                Err(Error::Usage(message)) => assert!(message.contains(said), "{message}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
