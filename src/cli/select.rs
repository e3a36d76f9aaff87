//! From flags and words to the rows a command is about.

use crate::filter::{Filter, unseen_in_proc};
use crate::machine::Machine;
use crate::model::proto::{Family, Proto, TableId};
use crate::model::state::StateSet;
use crate::model::want::Want;
use crate::query::{Means, Selection, SystemNames};

use super::error::Error;
use super::flags::{FamilyWord, SharedFlags, SourceChoice};
use super::query::Query;

/// Returns the tables the flags name; `default` are the protocols when they name
/// none.
pub fn tables(flags: &SharedFlags, default: &[Proto]) -> Vec<TableId> {
    let named = named(flags).protos;
    let family = |family| flags.families.contains(&family);
    let (v4, v6) =
        (flags.ipv4 || family(FamilyWord::Inet), flags.ipv6 || family(FamilyWord::Inet6));
    let wanted = |table: &TableId| {
        let proto = if named.is_empty() { default } else { &named };
        let family = match table.family {
            Family::Inet => v4 || !v6,
            Family::Inet6 => v6 || !v4,
            // -4 and -6 leave other families out unless a flag asks for them.
            _ => named.contains(&table.proto) || !(v4 || v6),
        };
        proto.contains(&table.proto) && family
    };
    TableId::ALL.into_iter().filter(wanted).collect()
}

/// Returns the protocols and types that the flags name.
fn named(flags: &SharedFlags) -> Query {
    let family = |family| flags.families.contains(&family);
    let letters = [
        (flags.tcp, Proto::Tcp),
        (flags.mptcp, Proto::Mptcp),
        (flags.udp, Proto::Udp),
        (flags.udplite, Proto::Udplite),
        (flags.raw, Proto::Raw),
        (flags.ping, Proto::Ping),
        (flags.sctp, Proto::Sctp),
        (flags.dccp, Proto::Dccp),
        (flags.unix || family(FamilyWord::Unix), Proto::Unix),
        (flags.netlink || family(FamilyWord::Netlink), Proto::Netlink),
        (flags.packet || family(FamilyWord::Link), Proto::Packet),
        (flags.vsock || family(FamilyWord::Vsock), Proto::Vsock),
    ];
    Query::of(letters.into_iter().filter_map(|(on, proto)| on.then_some(proto)), &flags.query)
}

/// The protocols and states that a command reads when nothing is said.
#[derive(Clone, Copy, Debug)]
pub struct Defaults<'a> {
    /// The protocols.
    pub protos: &'a [Proto],
    /// The states.
    pub states: StateSet,
}

/// Returns the rows that flags and words select.
///
/// # Errors
/// When a word makes no sense, or asks for what cannot be seen.
pub fn selection(
    flags: &SharedFlags,
    words: &[String],
    defaults: Defaults<'_>,
    machine: &Machine,
) -> Result<Selection, Error> {
    let filter = Filter::parse(words).map_err(filter_error)?;
    let named = named(flags);
    if named.protos.is_empty() && !flags.query.is_empty() {
        return Err(Error::Usage("-A takes away every table that it names".into()));
    }
    let mut want = Want::all_of(tables(flags, defaults.protos));
    want.kinds = named.kinds;
    // As in `ss`, states that the filter names win over -a and -l.
    if !filter.as_ref().is_some_and(|filter| filter.expr.names_states()) {
        want.listening = flags.listening;
        if !flags.listening && !flags.all {
            want.states = defaults.states;
            want.unasked = defaults.states == StateSet::default_view();
        }
    }
    let Some(filter) = filter else { return Ok(Selection::all(want)) };
    let filter = filter.resolve(&mut SystemNames::new(machine)).map_err(filter_error)?;
    let by_proc = flags.source == SourceChoice::Proc && machine.is_live();
    if let Some(test) = unseen_in_proc(&filter.expr, &want.tables).filter(|_| by_proc) {
        let text = format!("/proc does not tell what '{test}' asks for: leave out --source proc");
        return Err(Error::Failed(text));
    }
    let means = Means { kernel: !flags.no_kernel_filter, netlink: !by_proc && machine.is_live() };
    let selection = Selection::compile(machine, want, filter.expr, means);
    if selection.lacks_marks() && machine.is_live() && !flags.explain_filter {
        return Err(Error::Failed(
            "a filter by fwmark needs CAP_NET_ADMIN and netlink: marks cannot be seen without"
                .into(),
        ));
    }
    Ok(selection)
}

/// Makes the error of a filter: the expression with a caret, on lines of their
/// own.
fn filter_error(error: impl std::fmt::Display) -> Error {
    Error::Filter(format!("the filter makes no sense\n{error}"))
}
