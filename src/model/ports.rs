//! Ephemeral ports in use, per source address and destination. Who counts them
//! is [`crate::budget`], which says what the kernel does.

use crate::model::hash::KeyedMap;

use super::address::{Address, Endpoint};
use super::host::Host;

/// The ports that the kernel picks from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First port.
    pub low: u16,
    /// Last port.
    pub high: u16,
    /// Ports in between that `ip_local_reserved_ports` excepts.
    pub reserved: u32,
}

impl Range {
    /// Returns how many ports it has, the reserved ones not counted.
    pub fn ports(&self) -> u32 {
        (u32::from(self.high) + 1).saturating_sub(u32::from(self.low) + self.reserved)
    }
}

/// Ports of the range that every `connect()` passes over, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    /// A listener has it.
    pub listening: u32,
    /// A socket is bound to it, neither listening nor connected.
    pub bound: u32,
    /// A connection was bound to this port by its number.
    pub explicit: u32,
}

impl Blocked {
    /// Returns all of them.
    pub fn total(&self) -> u32 {
        self.listening + self.bound + self.explicit
    }
}

/// Tells whether an outgoing connection may take over the port of a TIME_WAIT
/// record (`tcp_twsk_unique`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// `tcp_tw_reuse` is 0, or `tcp_timestamps` is.
    Never,
    /// On loopback only: `tcp_tw_reuse` is 2.
    Loopback,
    /// Everywhere: `tcp_tw_reuse` is 1.
    Always,
    /// A parameter could not be read.
    Unknown,
}

impl Reuse {
    /// Returns the word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Loopback => "loopback",
            Self::Always => "always",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the parameters of the host.
    pub fn of(host: &Host) -> Self {
        let number = |name| host.sysctls.number(name);
        match (number("net.ipv4.tcp_tw_reuse"), number("net.ipv4.tcp_timestamps")) {
            (Some(0), _) | (_, Some(0)) => Self::Never,
            (None, _) | (_, None) => Self::Unknown,
            (Some(2), _) => Self::Loopback,
            _ => Self::Always,
        }
    }
}

/// The place where the growth of a budget was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrowthSeen {
    /// In the timers of the TIME_WAIT records: those that came within the last
    /// ten seconds, less those that end within the next ten, as if as many
    /// connections were opened as were closed.
    Timers,
    /// In two looks.
    TwoLooks,
}

impl GrowthSeen {
    /// Returns the word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timers => "timers",
            Self::TwoLooks => "two_looks",
        }
    }
}

/// The speed at which a budget is used up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Ports a second, negative when they become free.
    pub per_second: f64,
    /// The evidence for it.
    pub seen: GrowthSeen,
}

/// The ports of one source address towards one destination.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Our address.
    pub source: Address,
    /// The peer's address and port.
    pub destination: Endpoint,
    /// Ports of the range in use, TIME_WAIT included.
    pub used: u32,
    /// Of these, in TIME_WAIT.
    pub time_wait: u32,
    /// Of these, a new connection may take over at once.
    pub reusable: u32,
    /// Ports that `connect()` could use here at most.
    pub capacity: u32,
    /// The speed at which it is used up, where that is known.
    pub growth: Option<Growth>,
}

impl Budget {
    /// Returns the ports that a new connection cannot have.
    pub fn taken(&self) -> u32 {
        self.used.saturating_sub(self.reusable)
    }

    /// Returns the ports left.
    pub fn left(&self) -> u32 {
        self.capacity.saturating_sub(self.taken())
    }

    /// Returns the taken ports as a share of the capacity; 1 when there is no capacity.
    pub fn ratio(&self) -> f64 {
        if self.capacity == 0 { 1.0 } else { f64::from(self.taken()) / f64::from(self.capacity) }
    }

    /// Milliseconds until nothing is left at the present rate; `None` when it
    /// does not grow, or nobody knows.
    pub fn exhausted_in_ms(&self) -> Option<u64> {
        let growth = self.growth.filter(|growth| growth.per_second > 0.0)?;
        Some((f64::from(self.left()) / growth.per_second * 1000.0) as u64)
    }
}

/// The ports of one source address, whatever they are connected to: the
/// budget of a program that calls `bind(address, 0)` before `connect()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceBudget {
    /// Our address.
    pub source: Address,
    /// Different ports of the range in use.
    pub used: u32,
    /// Of these, in use towards several destinations, so not by such programs.
    pub shared: u32,
    /// Of these, known to be taken from every `connect()`: see [`Blocked`].
    pub blocked: u32,
    /// Of these, probably chosen by `bind(address, 0)`: every `connect()`
    /// passes them over.
    pub likely_bound: u32,
    /// Ports that `bind(address, 0)` could have here at most.
    pub capacity: u32,
}

impl SourceBudget {
    /// Returns the ports left to `bind(address, 0)`.
    pub fn left(&self) -> u32 {
        self.capacity.saturating_sub(self.used)
    }

    /// Whether programs that bind before they connect have most of the ports,
    /// so that this budget is one that can run out: at least half of those
    /// that are not in use towards several destinations look like theirs. The
    /// other half can be theirs too, once the parity they begin with is full.
    ///
    /// [`SourceBudget::tells_nothing`] has the case in which that is not seen.
    pub fn binds_first(&self) -> bool {
        self.likely_bound > 0 && self.likely_bound * 2 >= self.used.saturating_sub(self.shared)
    }

    /// Tells whether its ports look alike whoever chose them: nearly all are in use,
    /// each once, and one destination has them. `connect()` would have filled
    /// both parities, as `bind()` does.
    pub fn tells_nothing(&self) -> bool {
        let unknown = self.used.saturating_sub(self.blocked);
        let whole = self.capacity.saturating_sub(self.blocked);
        let full = unknown > 0 && u64::from(unknown) * 10 >= u64::from(whole) * 9;
        full && self.shared == 0 && self.likely_bound == 0
    }
}

/// Everything there is to know about ephemeral ports.
#[derive(Clone, Debug, PartialEq)]
pub struct PortUse {
    /// The range.
    pub range: Range,
    /// The ports that are taken from it for everyone.
    pub blocked: Blocked,
    /// Ports of the range that any socket has, blocked ones included: more
    /// than those cannot be gone, whoever took them from whom.
    pub touched: u32,
    /// Tells whether ports in TIME_WAIT can be used again.
    pub reuse: Reuse,
    /// The fullest first.
    pub budgets: Vec<Budget>,
    /// Every source address that has connections, the fullest first.
    pub sources: Vec<SourceBudget>,
}

impl PortUse {
    /// Sets every budget's growth by an earlier look.
    pub fn compare(&mut self, earlier: &Self, elapsed_ms: u64) {
        let was: KeyedMap<(Address, Endpoint), u32> =
            earlier.budgets.iter().map(|b| ((b.source, b.destination), b.taken())).collect();
        for budget in &mut self.budgets {
            let before = was.get(&(budget.source, budget.destination)).copied().unwrap_or(0);
            let more = f64::from(budget.taken()) - f64::from(before);
            let per_second = more * 1000.0 / elapsed_ms.max(1) as f64;
            budget.growth = Some(Growth { per_second, seen: GrowthSeen::TwoLooks });
        }
    }
}
