//! What has to be looked at for a rule.

/// Says which part of the ephemeral ports towards a destination is used at least,
/// where a snapshot has them: there may be as many destinations as connections.
pub const LEAST_PERCENT: u32 = 25;

/// Says what has to be looked at for a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Every TCP row, at a glance.
    pub glance: bool,
    /// TCP sockets of states that may be stuck, or that the glance found
    /// suspicious, with what the kernel tells of them.
    pub conns: bool,
    /// TCP listeners and what waits behind them.
    pub listeners: bool,
    /// UDP sockets with their drops.
    pub udp: bool,
    /// Unix listeners.
    pub unix: bool,
    /// Ephemeral ports.
    pub ports: bool,
    /// Every socket descriptor of every process.
    pub descriptors: bool,
    /// Kernel parameters and counters. They are read in any case; this says that
    /// the rule proves nothing without them.
    pub host: bool,
}

impl Needs {
    /// Needs nothing.
    pub const NONE: Self = Self {
        glance: false,
        conns: false,
        listeners: false,
        udp: false,
        unix: false,
        ports: false,
        descriptors: false,
        host: false,
    };

    /// Returns what either needs.
    pub fn union(self, other: Self) -> Self {
        Self {
            glance: self.glance || other.glance,
            conns: self.conns || other.conns,
            listeners: self.listeners || other.listeners,
            udp: self.udp || other.udp,
            unix: self.unix || other.unix,
            ports: self.ports || other.ports,
            descriptors: self.descriptors || other.descriptors,
            host: self.host || other.host,
        }
    }

    /// Tells whether a gap in this table or file hides some of it.
    pub(super) fn rest_on(self, what: &str) -> bool {
        match what {
            "tcp" | "tcp6" => self.glance || self.conns || self.listeners,
            "udp" | "udp6" => self.udp,
            "unix" => self.unix,
            "counters" | "sysctls" | "host" => self.host,
            _ => false,
        }
    }
}
