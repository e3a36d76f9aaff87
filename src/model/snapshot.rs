//! One look at the machine, as the rules see it.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::address::Endpoint;
use super::conn::Conn;
use super::gap::Gap;
use super::host::Host;
use super::listener::Listener;
use super::owner::Owners;
use super::ports::PortUse;
use super::state::{State, TCP_STATES};

/// The number of sockets of a table in each state, by the state's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateCounts([u64; 256]);

impl Default for StateCounts {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl StateCounts {
    /// Counts one socket.
    pub fn add(&mut self, state: State) {
        self.0[usize::from(state.number())] += 1;
    }

    /// Returns how many are in a state.
    pub fn get(&self, state: State) -> u64 {
        self.0[usize::from(state.number())]
    }

    /// Returns all of them.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns by how many more or fewer are in a state than before, where that differs.
    pub fn changes(&self, before: &Self) -> impl Iterator<Item = (State, i64)> {
        let of = |state| {
            let change = self.get(state) as i64 - before.get(state) as i64;
            (change != 0).then_some((state, change))
        };
        let others = (0..=255).map(State::from_kernel).filter(|s| !TCP_STATES.contains(s));
        TCP_STATES.into_iter().chain(others).filter_map(of)
    }

    /// Returns the states that have sockets and no place among TCP's eleven.
    pub fn others(&self) -> impl Iterator<Item = (State, u64)> {
        (0..=255).map(State::from_kernel).filter(|s| !(1..=11).contains(&s.number())).filter_map(
            |state| {
                let count = self.get(state);
                (count > 0).then_some((state, count))
            },
        )
    }
}

/// TIME_WAIT records of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWaits<P> {
    /// The place.
    pub place: P,
    /// Records made within [`YOUNG_MS`].
    pub young: u64,
}

/// A TIME_WAIT record younger than this counts for the present rate.
pub const YOUNG_MS: u64 = 5_000;

/// Places where TIME_WAIT records are being made; those with few are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeWaitRates {
    /// By local port: all connections of a listener share it.
    pub local_ports: Vec<TimeWaits<u16>>,
    /// By the peer's endpoint: all connections to a service share it.
    pub remotes: Vec<TimeWaits<Endpoint>>,
}

/// Sockets of processes that no table lists, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadFds {
    /// Process and count, largest first.
    pub processes: Vec<(u32, u64)>,
    /// Processes whose descriptors could not be read.
    pub hidden_processes: u64,
}

/// The number of sockets that the filter of a custom rule selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CustomCounts {
    /// Those it selects for certain.
    pub yes: u64,
    /// Those of which it cannot be told.
    pub unknown: u64,
}

/// Everything that the rules judge: counts of everything, rows only where a rule needs
/// them.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// TCP sockets per state.
    pub tcp: StateCounts,
    /// Every TCP and unix listener with its queues.
    pub listeners: Vec<Listener>,
    /// TCP sockets that deserve a closer look: all of the states that may be
    /// stuck, of ESTABLISHED those that a first look found suspicious.
    pub conns: Vec<Conn>,
    /// UDP sockets that dropped packets.
    pub udp: Vec<Conn>,
    /// The sources of TIME_WAIT.
    pub time_wait: TimeWaitRates,
    /// The ephemeral ports, of budgets those of which a quarter and more is
    /// taken; absent where not asked for.
    pub ports: Option<PortUse>,
    /// Sockets that no table lists; absent where not asked for.
    pub dead_fds: Option<DeadFds>,
    /// The counts for custom rules, in their order.
    pub counted: Vec<CustomCounts>,
    /// The holders of sockets.
    pub owners: Arc<Owners>,
    /// Sockets whose holders nobody has looked for yet: they are not known, which
    /// is not the same as not visible.
    pub unasked: FxHashSet<u32>,
    /// Soft limit on open files of the processes that hold many of them.
    pub open_file_limits: FxHashMap<u32, u64>,
    /// Parameters and counters.
    pub host: Host,
    /// The parts that could not be seen.
    pub gaps: Vec<Gap>,
    /// An earlier look, to tell what grew.
    pub past: Option<Past>,
}

/// An earlier look at the same machine.
#[derive(Clone, Debug)]
pub struct Past {
    /// The earlier look.
    pub snapshot: Arc<Snapshot>,
    /// The time since then.
    pub elapsed_ms: u64,
}

/// The move of a counter since an earlier look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delta {
    /// By so much.
    Rose(u64),
    /// It went down: it wrapped, or was reset.
    Reset,
    /// There is no earlier look, or one of the two lacks it.
    Unknown,
}

impl Delta {
    /// Makes it from an earlier and a later reading.
    pub fn between(earlier: Option<u64>, later: Option<u64>) -> Self {
        match (earlier, later) {
            (Some(earlier), Some(later)) => {
                later.checked_sub(earlier).map_or(Self::Reset, Self::Rose)
            }
            _ => Self::Unknown,
        }
    }

    /// Returns by how much it rose for certain.
    pub fn rise(self) -> u64 {
        match self {
            Self::Rose(by) => by,
            Self::Reset | Self::Unknown => 0,
        }
    }
}

impl Snapshot {
    /// Returns how a kernel counter moved since the earlier look.
    pub fn counter(&self, group: &str, name: &str) -> Delta {
        let Some(past) = &self.past else { return Delta::Unknown };
        let earlier = past.snapshot.host.counters.get(group, name);
        Delta::between(earlier, self.host.counters.get(group, name))
    }

    /// Sockets of a state among those looked at closely.
    pub fn in_state(&self, state: State) -> impl Iterator<Item = &Conn> {
        self.conns.iter().filter(move |conn| conn.state == state)
    }

    /// Ends the line of earlier looks: one is enough.
    pub fn forget_past(mut self) -> Self {
        self.past = None;
        self
    }
}
