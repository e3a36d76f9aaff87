//! The words of the language, each in one place.

use crate::model::socket::TimerKind;
use crate::model::vocabulary;

use super::ast::Quantity;

/// The words that begin a test, in the order in which help lists them.
pub(super) const TESTS: [&str; 26] = [
    "state",
    "exclude",
    "src",
    "dst",
    "sport",
    "dport",
    "dev",
    "fwmark",
    "cgroup",
    "autobound",
    "process",
    "pid",
    "user",
    "owner",
    "unit",
    "inode",
    "cookie",
    "recvq",
    "sendq",
    "queue",
    "drops",
    "age",
    "retrans",
    "rtt",
    "timer",
    "scope",
];

/// Returns the word of the test that a field's name stands for, or the word itself.
pub(super) fn canonical(word: &str) -> &str {
    if TESTS.contains(&word) || OTHERS.contains(&word) {
        return word;
    }
    vocabulary::test_of(word)
        .or_else(|| TESTS.iter().find(|test| vocabulary::same(test, word)).copied())
        .unwrap_or(word)
}

const OTHERS: [&str; 13] =
    ["excl", "and", "or", "not", "eq", "ne", "neq", "lt", "le", "leq", "gt", "ge", "geq"];

/// Tells whether a word, in any case, has a meaning of its own; as a name it needs a
/// backslash.
pub(super) fn is_reserved(word: &str) -> bool {
    let all = TESTS.iter().chain(&OTHERS);
    all.into_iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}

/// Tells whether a host of this name would be taken for any address.
pub(super) fn is_any(word: &str) -> bool {
    ["any", "all", "default", "*"].iter().any(|any| any.eq_ignore_ascii_case(word))
}

/// Tells whether a host of this name would be taken for an IPv4 address.
pub(super) fn is_address(word: &str) -> bool {
    let hex = |part: &str| {
        let digits = part.strip_prefix("0x").or(part.strip_prefix("0X"));
        digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()))
    };
    let decimal = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    word.split('.').all(|part| decimal(part) || hex(part))
}

const QUANTITIES: [(&str, Quantity); 7] = [
    ("recvq", Quantity::RecvQueue),
    ("sendq", Quantity::SendQueue),
    ("queue", Quantity::AcceptQueue),
    ("drops", Quantity::Drops),
    ("age", Quantity::Age),
    ("retrans", Quantity::Retransmits),
    ("rtt", Quantity::RoundTrip),
];

/// Returns the word of a quantity.
pub(super) fn quantity(quantity: Quantity) -> &'static str {
    QUANTITIES.iter().find(|(_, q)| *q == quantity).map_or("", |(name, _)| name)
}

/// Returns the quantity of a word.
pub(super) fn quantity_of(word: &str) -> Option<Quantity> {
    QUANTITIES.iter().find(|(name, _)| *name == word).map(|(_, q)| *q)
}

/// The names a timer goes by: ours, and those of `ss`.
pub(super) const TIMERS: [(&str, Option<TimerKind>); 9] = [
    ("none", None),
    ("retransmit", Some(TimerKind::Retransmit)),
    ("on", Some(TimerKind::Retransmit)),
    ("keepalive", Some(TimerKind::Keepalive)),
    ("timewait", Some(TimerKind::TimeWait)),
    ("probe", Some(TimerKind::Probe)),
    ("persist", Some(TimerKind::Probe)),
    ("delack", Some(TimerKind::DelayedAck)),
    ("off", None),
];
