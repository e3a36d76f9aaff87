//! `status --json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::live::Round;
use crate::model::escape::escaped;
use crate::model::host;
use crate::model::proto::Proto;
use crate::model::snapshot::StateCounts;
use crate::model::state::TCP_STATES;
use crate::output::out::Out;
use crate::survey;

use super::alerts::{AlertJson, UnknownJson, process};
use super::parts::{Addr, ProcessJson, StateJson, TakenJson, document};

pub(super) const SCHEMA: &str = "sockstate.status/1";

/// The document of `status --json`.
#[derive(Serialize, JsonSchema)]
pub struct StatusDocument {
    /// The name of this shape.
    pub schema: &'static str,
    /// TCP sockets per state; all eleven states are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<BTreeMap<StateJson, u64>>,
    /// UDP sockets per state; states without a socket are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp: Option<BTreeMap<StateJson, u64>>,
    /// Raw sockets per state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<BTreeMap<StateJson, u64>>,
    /// Unix sockets per state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unix: Option<BTreeMap<StateJson, u64>>,
    /// The alerts, worst first.
    pub alerts: Vec<AlertJson>,
    /// Rules that could not judge.
    pub unknown: Vec<UnknownJson>,
    /// The worst offenders.
    pub top: Vec<TopJson>,
    /// Parameters and counters of the kernel.
    pub host: HostJson,
    /// The changes since the round before; with `--interval` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<StatusChanges>,
    /// The time and the source.
    #[serde(flatten)]
    pub taken: TakenJson,
}

/// The difference from the round before in each state, negative for
/// fewer; states with as many are left out.
#[derive(Serialize, JsonSchema)]
pub struct StatusChanges {
    /// TCP sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<BTreeMap<StateJson, i64>>,
    /// UDP sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp: Option<BTreeMap<StateJson, i64>>,
    /// Raw sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<BTreeMap<StateJson, i64>>,
    /// Unix sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unix: Option<BTreeMap<StateJson, i64>>,
}

/// One of the worst offenders.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Top")]
pub struct TopJson {
    /// `process_sockets`, `process_close_wait`, `remote_sockets`,
    /// `remote_time_wait`.
    pub by: &'static str,
    /// The process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessJson>,
    /// The remote address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<Addr>,
    /// Sockets.
    pub count: u64,
}

/// The numbers of the kernel beside its sockets; what cannot be read is absent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Host")]
pub struct HostJson {
    /// Name of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Kernel parameters by their sysctl names: a number, a list of numbers,
    /// or a list of port ranges.
    pub sysctls: BTreeMap<&'static str, Value>,
    /// Counters by group and name, as in /proc/net/{snmp,netstat,sockstat}.
    pub counters: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
}

/// Writes the overview; with one before it, what changed since.
pub fn status(out: &mut Out<'_>, at: Timestamp, round: &Round, before: Option<&Round>) {
    let shape = StatusDocument {
        schema: SCHEMA,
        tcp: round.counts(Proto::Tcp).map(tcp_counts),
        udp: round.counts(Proto::Udp).map(counts),
        raw: round.counts(Proto::Raw).map(counts),
        unix: round.counts(Proto::Unix).map(counts),
        alerts: round
            .judged
            .firing
            .iter()
            .map(|standing| AlertJson::from(&standing.alert))
            .collect(),
        unknown: round.judged.unknown.iter().map(UnknownJson::from).collect(),
        top: round.top.iter().map(top).collect(),
        host: host(&round.snapshot.host),
        changes: before.map(|before| changes(round, before)),
        taken: TakenJson::new(at, &round.report),
    };
    document(out, &shape);
}

fn changes(now: &Round, before: &Round) -> StatusChanges {
    let of = |proto| {
        let (now, before) = now.counts(proto).zip(before.counts(proto))?;
        Some(now.changes(before).map(|(state, change)| (StateJson(state), change)).collect())
    };
    StatusChanges {
        tcp: of(Proto::Tcp),
        udp: of(Proto::Udp),
        raw: of(Proto::Raw),
        unix: of(Proto::Unix),
    }
}

fn tcp_counts(all: &StateCounts) -> BTreeMap<StateJson, u64> {
    let eleven = TCP_STATES.iter().map(|state| (*state, all.get(*state)));
    eleven.chain(all.others()).map(|(state, count)| (StateJson(state), count)).collect()
}

fn counts(all: &StateCounts) -> BTreeMap<StateJson, u64> {
    tcp_counts(all).into_iter().filter(|(_, count)| *count > 0).collect()
}

fn top(top: &survey::Top) -> TopJson {
    TopJson {
        by: top.kind.name(),
        process: top.process.as_ref().map(process),
        remote: top.remote.map(Addr),
        count: top.count,
    }
}

fn host(host: &host::Host) -> HostJson {
    let mut counters: BTreeMap<&'static str, BTreeMap<&'static str, u64>> = BTreeMap::new();
    for field in host::COUNTERS {
        if let Some(n) = host.counters.get(field.group, field.name) {
            counters.entry(field.group).or_default().insert(field.name, n);
        }
    }
    HostJson {
        name: host.hostname.as_ref().map(|name| escaped(name.as_bytes())),
        sysctls: host
            .sysctls
            .iter()
            .map(|(sysctl, value)| (sysctl.name, sysctl_value(value)))
            .collect(),
        counters,
    }
}

fn sysctl_value(value: &host::SysctlValue) -> Value {
    match value {
        host::SysctlValue::Numbers(numbers) => match numbers.as_slice() {
            [one] => json!(one),
            several => json!(several),
        },
        host::SysctlValue::Ports(ranges) => {
            ranges.iter().map(|(first, last)| json!({"first": first, "last": last})).collect()
        }
    }
}
