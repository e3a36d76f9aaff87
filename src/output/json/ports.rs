//! `ports --json`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::escape::escaped;
use crate::model::ports;
use crate::output::out::Out;
use crate::survey::{Openers, PortsView};

use super::parts::{Addr, EndpointJson, TakenJson, document};

pub(super) const SCHEMA: &str = "sockstate.ports/1";

/// The document of `ports --json`.
#[derive(Serialize, JsonSchema)]
pub struct PortsDocument {
    /// The name of this shape.
    pub schema: &'static str,
    /// The ports the kernel picks from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<PortRange>,
    /// Ports of the range that are reserved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved: Option<u32>,
    /// Ports of the range that no `connect()` can have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockedPorts>,
    /// Tells whether ports in TIME_WAIT are used again: `never`, `loopback`,
    /// `always`, `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_wait_reuse: Option<&'static str>,
    /// The fullest first.
    pub budgets: Vec<BudgetJson>,
    /// Our addresses, the fullest first.
    pub addresses: Vec<AddressPorts>,
    /// The time and the source.
    #[serde(flatten)]
    pub taken: TakenJson,
}

/// A range of ports.
#[derive(Serialize, JsonSchema)]
pub struct PortRange {
    /// First port.
    pub low: u16,
    /// Last port.
    pub high: u16,
}

/// Ports of the range that no `connect()` can have.
#[derive(Serialize, JsonSchema)]
pub struct BlockedPorts {
    /// Listeners have them.
    pub listening: u32,
    /// Sockets that are bound and not connected have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<u32>,
    /// Connections that were bound to them by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explicit: Option<u32>,
}

/// The ports of one source address towards one destination.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Budget")]
pub struct BudgetJson {
    /// Our address.
    pub source: Addr,
    /// The peer.
    pub destination: EndpointJson,
    /// Ports in use, TIME_WAIT included.
    pub used: u32,
    /// Of these, in TIME_WAIT.
    pub time_wait: u32,
    /// Of these, free to be taken over.
    pub reusable: u32,
    /// Ports there are for this destination.
    pub capacity: u32,
    /// `used` less `reusable`, over `capacity`.
    pub used_ratio: f64,
    /// Ports more each second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth_per_s: Option<f64>,
    /// `timers` or `two_looks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth_from: Option<&'static str>,
    /// Until nothing is left at that rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exhausted_in_ms: Option<u64>,
    /// The processes that opened them, with `-p`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<Vec<Opener>>,
}

/// A process with connections of a budget.
#[derive(Serialize, JsonSchema)]
pub struct Opener {
    /// Process id.
    pub pid: u32,
    /// Command name, escaped.
    pub comm: String,
    /// Connections it holds.
    pub count: u32,
}

/// The ports of one source address, whatever they are connected to.
#[derive(Serialize, JsonSchema)]
pub struct AddressPorts {
    /// Our address.
    pub address: Addr,
    /// Different ports in use.
    pub used: u32,
    /// Of these, in use towards several destinations.
    pub shared: u32,
    /// Of these, probably chosen by bind(address, 0).
    pub likely_bound: u32,
    /// Ports there are for bind(address, 0).
    pub capacity: u32,
}

/// Writes every budget.
pub fn ports(out: &mut Out<'_>, at: Timestamp, view: &PortsView, processes: bool) {
    let ports = view.ports.as_ref();
    let one = |one: &ports::Budget| {
        let processes = processes.then(|| openers(&view.openers, one));
        BudgetJson { processes, ..budget(one) }
    };
    let shape = PortsDocument {
        schema: SCHEMA,
        range: ports.map(|p| PortRange { low: p.range.low, high: p.range.high }),
        reserved: ports.map(|p| p.range.reserved),
        blocked: ports.map(|p| BlockedPorts {
            listening: p.blocked.listening,
            bound: view.bound_known.then_some(p.blocked.bound),
            explicit: view.explicit_known.then_some(p.blocked.explicit),
        }),
        time_wait_reuse: ports.map(|p| p.reuse.name()),
        budgets: ports.iter().flat_map(|p| &p.budgets).map(one).collect(),
        addresses: ports.iter().flat_map(|p| &p.sources).map(address).collect(),
        taken: TakenJson::new(at, &view.report),
    };
    document(out, &shape);
}

fn budget(budget: &ports::Budget) -> BudgetJson {
    BudgetJson {
        source: Addr(budget.source),
        destination: budget.destination.into(),
        used: budget.used,
        time_wait: budget.time_wait,
        reusable: budget.reusable,
        capacity: budget.capacity,
        used_ratio: rounded(budget.ratio(), 100_000.0),
        growth_per_s: budget.growth.map(|growth| rounded(growth.per_second, 1000.0)),
        growth_from: budget.growth.map(|growth| growth.seen.name()),
        exhausted_in_ms: budget.exhausted_in_ms(),
        processes: None,
    }
}

fn openers(openers: &Openers, budget: &ports::Budget) -> Vec<Opener> {
    let one = |(pid, comm, count)| Opener { pid, comm: escaped(comm), count };
    openers.of(budget).into_iter().map(one).collect()
}

fn address(source: &ports::SourceBudget) -> AddressPorts {
    AddressPorts {
        address: Addr(source.source),
        used: source.used,
        shared: source.shared,
        likely_bound: source.likely_bound,
        capacity: source.capacity,
    }
}

/// Rounds to as many digits as the number deserves.
fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}
