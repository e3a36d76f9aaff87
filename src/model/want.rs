//! What a view needs: asking the kernel for no more than this is worth more
//! than any parser (docs/performance of a dump is mostly the kernel's time).

use super::state::{State, StateSet};

/// The protocol of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Raw IP.
    Raw,
    /// Unix, of any socket type.
    Unix,
}

/// The address family of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `AF_INET`.
    Inet,
    /// `AF_INET6`; holds IPv4 connections of dual-stack sockets too.
    Inet6,
    /// `AF_UNIX`.
    Unix,
}

impl Family {
    /// The name used in output: `inet`, `inet6`, `unix`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Inet6 => "inet6",
            Self::Unix => "unix",
        }
    }
}

impl Proto {
    /// The name used in output: `tcp`, `udp`, `raw`, `unix`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Raw => "raw",
            Self::Unix => "unix",
        }
    }
}

/// One table of the kernel: a protocol in a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId {
    /// The protocol.
    pub proto: Proto,
    /// The address family.
    pub family: Family,
}

impl TableId {
    /// Every table, in the order in which they are read and shown.
    pub const ALL: [Self; 7] = [
        Self::new(Proto::Tcp, Family::Inet),
        Self::new(Proto::Tcp, Family::Inet6),
        Self::new(Proto::Udp, Family::Inet),
        Self::new(Proto::Udp, Family::Inet6),
        Self::new(Proto::Raw, Family::Inet),
        Self::new(Proto::Raw, Family::Inet6),
        Self::new(Proto::Unix, Family::Unix),
    ];

    const fn new(proto: Proto, family: Family) -> Self {
        Self { proto, family }
    }

    /// The table's place in [`TableId::ALL`]; a pairing that is no table (TCP
    /// over unix) has the place of its protocol's first.
    pub fn index(self) -> u8 {
        match (self.proto, self.family) {
            (Proto::Tcp, Family::Inet6) => 1,
            (Proto::Tcp, _) => 0,
            (Proto::Udp, Family::Inet6) => 3,
            (Proto::Udp, _) => 2,
            (Proto::Raw, Family::Inet6) => 5,
            (Proto::Raw, _) => 4,
            (Proto::Unix, _) => 6,
        }
    }

    /// The name of the table's file in `/proc/net`, also its name in messages.
    pub fn name(self) -> &'static str {
        match (self.proto, self.family) {
            (Proto::Tcp, Family::Inet6) => "tcp6",
            (Proto::Tcp, _) => "tcp",
            (Proto::Udp, Family::Inet6) => "udp6",
            (Proto::Udp, _) => "udp",
            (Proto::Raw, Family::Inet6) => "raw6",
            (Proto::Raw, _) => "raw",
            (Proto::Unix, _) => "unix",
        }
    }
}

/// What beyond the fixed part of a row is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// `struct tcp_info`; costs a socket lock and triples the bytes of a row.
    pub tcp_info: bool,
    /// Name of the congestion control.
    pub congestion: bool,
    /// Socket memory and drops.
    pub memory: bool,
    /// Inodes of the clients waiting at a unix listener.
    pub unix_waiting: bool,
}

/// Which rows of which tables, and how much of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The tables, in reading order.
    pub tables: Vec<TableId>,
    /// The states, on every table.
    pub states: StateSet,
    /// `-l`: narrows to listeners, which on tables other than TCP includes
    /// sockets without a peer (they have no LISTEN).
    pub listening: bool,
    /// What each row must carry.
    pub extras: Extras,
    /// Only sockets with this local port.
    pub local_port: Option<u16>,
}

impl Want {
    /// All states of some tables, nothing extra.
    pub fn all_of(tables: Vec<TableId>) -> Self {
        Self {
            tables,
            states: StateSet::ALL,
            listening: false,
            extras: Extras::default(),
            local_port: None,
        }
    }

    /// The states wanted of one table.
    pub fn states_of(&self, table: TableId) -> StateSet {
        match (self.listening, table.proto) {
            (false, _) => self.states,
            (true, Proto::Tcp) => State::Listen.into(),
            (true, _) => StateSet::listening(),
        }
    }
}
