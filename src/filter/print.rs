//! Expressions as canonical text.

use std::fmt;

use crate::model::state::{State, StateSet, TCP_STATES};
use crate::model::units;

use super::ast::{
    Amount, Cgroup, Device, Expr, HostTest, Name, PortTest, Predicate, Quantity, SocketEnd, User,
};
use super::glob::Glob;
use super::net::Version;
use super::token::{Comparison, push_char};
use super::words;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => {
                join(f, parts, " and ", |part| matches!(part, Self::And(_) | Self::Or(_)))
            }
            Self::Or(parts) => join(f, parts, " or ", |part| matches!(part, Self::Or(_))),
            Self::Not(inner) => {
                let group = match &**inner {
                    Self::And(_) | Self::Or(_) => true,
                    Self::Is(Predicate::State(states)) => state_words(*states).1.len() != 1,
                    _ => false,
                };
                f.write_str("not ")?;
                grouped(f, inner, group)
            }
            Self::Is(predicate) => predicate.fmt(f),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    parts: &[Expr],
    between: &str,
    group: impl Fn(&Expr) -> bool,
) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        grouped(f, part, group(part))?;
    }
    Ok(())
}

fn grouped(f: &mut fmt::Formatter<'_>, expr: &Expr, group: bool) -> fmt::Result {
    if group { write!(f, "({expr})") } else { write!(f, "{expr}") }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(states) => {
                let (keyword, names) = state_words(*states);
                let words: Vec<String> =
                    names.iter().map(|name| format!("{keyword} {name}")).collect();
                f.write_str(&words.join(" "))
            }
            Self::Host(end, host) => {
                let keyword = if *end == SocketEnd::Local { "src" } else { "dst" };
                write!(f, "{keyword} {host}")
            }
            Self::Port(end, comparison, ports) => {
                let keyword = if *end == SocketEnd::Local { "sport" } else { "dport" };
                write!(f, "{keyword} {} ", comparison.symbol())?;
                port_list(f, ports)
            }
            Self::Device(Device::Index(index)) => write!(f, "dev {index}"),
            Self::Device(Device::Name(name)) => write!(f, "dev {}", word(name, is_number)),
            Self::Mark { value, mask: u32::MAX } => write!(f, "fwmark {value:#x}"),
            Self::Mark { value, mask } => write!(f, "fwmark {value:#x}/{mask:#x}"),
            Self::Cgroup(Cgroup::Id(id)) => write!(f, "cgroup {id}"),
            Self::Cgroup(Cgroup::Path(path)) => write!(f, "cgroup {}", word(path, is_number)),
            Self::Cgroup(Cgroup::Below(path)) => write!(f, "cgroup {}/", word(path, is_number)),
            Self::Autobound => f.write_str("autobound"),
            Self::Process(pattern) => write!(f, "process {}", pattern_word(pattern)),
            Self::Pid(pid) => write!(f, "pid {pid}"),
            Self::User(User::Uid(uid)) => write!(f, "user {uid}"),
            Self::User(User::Name(name)) => write!(f, "user {}", word(name, is_number)),
            Self::Inode(inode) => write!(f, "inode {inode}"),
            Self::Cookie(cookie) => write!(f, "cookie {cookie:#x}"),
            Self::Number(quantity, comparison, amount) => {
                number(f, *quantity, *comparison, *amount)
            }
            Self::Timer(None) => f.write_str("timer none"),
            Self::Timer(Some(kind)) => write!(f, "timer {}", kind.name()),
            Self::Unit(pattern) => write!(f, "unit {}", pattern_word(pattern)),
            Self::Unowned => f.write_str("owner none"),
            Self::Scope(scope) => write!(f, "scope {}", scope.name()),
        }
    }
}

impl fmt::Display for HostTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Net(net) => net.fmt(f),
            Self::Unix(pattern) => write!(f, "unix:{pattern}"),
            Self::Name(name, None) => {
                f.write_str(&word(name, |text| words::is_any(text) || words::is_address(text)))
            }
            Self::Name(name, Some(version)) => {
                f.write_str(if *version == Version::V4 { "inet:" } else { "inet6:" })?;
                f.write_str(&word(name, |text| words::is_any(text) || words::is_address(text)))
            }
        }
    }
}

fn port_list(f: &mut fmt::Formatter<'_>, ports: &[PortTest]) -> fmt::Result {
    let one = |ports: &PortTest| match ports {
        PortTest::Range(0, u16::MAX) => "*".to_owned(),
        PortTest::Range(low, high) if low == high => low.to_string(),
        PortTest::Range(low, high) => format!("{low}-{high}"),
        PortTest::Service(name) => word(name, is_number),
    };
    match ports {
        [only] => f.write_str(&one(only)),
        list => write!(f, "{{{}}}", list.iter().map(one).collect::<Vec<_>>().join(",")),
    }
}

fn number(
    f: &mut fmt::Formatter<'_>,
    quantity: Quantity,
    comparison: Comparison,
    amount: Amount,
) -> fmt::Result {
    write!(f, "{} {} ", words::quantity(quantity), comparison.symbol())?;
    match amount {
        Amount::Limit => f.write_str("limit"),
        Amount::Number(us) if quantity.is_time() => f.write_str(&units::of_microseconds(us)),
        Amount::Number(number) => write!(f, "{number}"),
    }
}

/// Returns the words that give a set of states: `state` with those in it, or `exclude`
/// with those that are not.
///
/// The sets that `StateSet::parse` knows hold all states without a name here or
/// none of them, so one of the two ways is exact.
pub(super) fn state_words(states: StateSet) -> (&'static str, Vec<String>) {
    let named = || TCP_STATES.iter().chain([&State::Bound]).copied();
    let of = |inside: bool| -> Vec<String> {
        named()
            .filter(|state| states.contains(*state) == inside)
            .map(|state| state.to_string().to_lowercase().replace('_', "-"))
            .collect()
    };
    let unnamed = StateSet::ALL.without(named().collect());
    if states == StateSet::ALL {
        ("state", vec!["all".to_owned()])
    } else if unnamed.is_subset(states) {
        ("exclude", of(false))
    } else {
        ("state", of(true))
    }
}

/// Returns a name as a word; `misread` tells what would be taken for something else.
fn word(name: &Name, misread: impl Fn(&str) -> bool) -> String {
    let mut out = String::new();
    if words::is_reserved(&name.text) || misread(&name.text) {
        out.push('\\');
    }
    let mut chars = name.text.chars();
    // A backslash before the first character serves both purposes.
    match chars.next() {
        Some(c) if !out.is_empty() => out.push(c),
        Some(c) => push_char(&mut out, c, "["),
        None => {}
    }
    // An open bracket would protect the parenthesis behind the name.
    chars.for_each(|c| push_char(&mut out, c, "["));
    out
}

fn pattern_word(pattern: &Glob) -> String {
    let text = pattern.to_string();
    if words::is_reserved(&text) { format!("\\{text}") } else { text }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}
