//! One socket: the fixed part of its row, compact and without borrowed data.

use super::address::Endpoint;
use super::proto::{Family, TableId};
use super::state::State;

/// A socket's type, as in `socket(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SocketType {
    /// `SOCK_STREAM`.
    Stream,
    /// `SOCK_DGRAM`.
    Dgram,
    /// `SOCK_RAW`.
    Raw,
    /// `SOCK_SEQPACKET`.
    Seqpacket,
    /// A number without a name here.
    Other(u8),
}

impl SocketType {
    /// Returns the type of a kernel number (`SOCK_STREAM` = 1 and so on).
    pub fn from_kernel(number: u8) -> Self {
        match number {
            1 => Self::Stream,
            2 => Self::Dgram,
            3 => Self::Raw,
            5 => Self::Seqpacket,
            other => Self::Other(other),
        }
    }

    /// Returns the kernel's number of this type.
    pub fn number(self) -> u8 {
        match self {
            Self::Stream => 1,
            Self::Dgram => 2,
            Self::Raw => 3,
            Self::Seqpacket => 5,
            Self::Other(n) => n,
        }
    }

    /// Returns the name in output: `stream`, `dgram`, `raw`, `seqpacket`, `type(n)`.
    pub fn name(self) -> String {
        match self {
            Self::Stream => "stream".to_owned(),
            Self::Dgram => "dgram".to_owned(),
            Self::Raw => "raw".to_owned(),
            Self::Seqpacket => "seqpacket".to_owned(),
            Self::Other(n) => format!("type({n})"),
        }
    }
}

/// The purpose of a row's timer (`idiag_timer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKind {
    /// Retransmission: of data, SYN, SYN-ACK or FIN; also loss probes.
    Retransmit,
    /// Keepalive.
    Keepalive,
    /// The end of TIME_WAIT or of an orphan's FIN_WAIT2.
    TimeWait,
    /// Zero-window probe, or data that local output refused.
    Probe,
    /// Delayed acknowledgement (kernels after 6.18).
    DelayedAck,
    /// A number without a name here.
    Unknown(u8),
}

impl TimerKind {
    /// Returns the timer of a kernel number; `None` for 0, no timer.
    pub fn from_kernel(number: u8) -> Option<Self> {
        Some(match number {
            0 => return None,
            1 => Self::Retransmit,
            2 => Self::Keepalive,
            3 => Self::TimeWait,
            4 => Self::Probe,
            5 => Self::DelayedAck,
            other => Self::Unknown(other),
        })
    }

    /// Returns the name in output, without spaces.
    pub fn name(self) -> String {
        match self {
            Self::Retransmit => "retransmit".to_owned(),
            Self::Keepalive => "keepalive".to_owned(),
            Self::TimeWait => "timewait".to_owned(),
            Self::Probe => "probe".to_owned(),
            Self::DelayedAck => "delack".to_owned(),
            Self::Unknown(n) => format!("timer({n})"),
        }
    }
}

/// A running timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    /// Its purpose.
    pub kind: TimerKind,
    /// Milliseconds until it fires.
    pub expires_ms: u32,
    /// Retransmits or unanswered probes so far.
    pub retransmits: u8,
}

/// The two ends of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ends {
    /// Two internet endpoints.
    Inet {
        /// Our end.
        local: Endpoint,
        /// The peer's end; unspecified where there is none.
        remote: Endpoint,
    },
    /// A unix socket; its name is among the row's facts.
    Unix {
        /// The socket's type.
        kind: SocketType,
    },
    /// A netlink socket.
    Netlink {
        /// The socket's type, where the source tells.
        kind: SocketType,
        /// `NETLINK_ROUTE` and so on.
        protocol: u8,
        /// Port id, 0 for the kernel.
        port: u32,
        /// Port id it is connected to.
        peer: u32,
    },
    /// A packet socket; its device is the row's.
    Packet {
        /// The socket's type.
        kind: SocketType,
        /// Ethernet protocol, `ETH_P_*`.
        protocol: u16,
    },
    /// A socket between host and virtual machine: context ids and ports.
    Vsock {
        /// The socket's type.
        kind: SocketType,
        /// Our end.
        local: (u32, u32),
        /// The peer's end.
        remote: (u32, u32),
    },
}

/// The fixed part of one row.
///
/// The queues are private: on LISTEN they are no bytes, so they are read
/// through [`super::queues::Queues`], which decides what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The table that the row is of.
    pub table: TableId,
    /// The state.
    pub state: State,
    /// Local and remote end.
    pub ends: Ends,
    /// Bound device, 0 for none.
    pub ifindex: u32,
    /// The kernel's id of the socket, 0 where the source does not tell.
    pub cookie: u64,
    /// Inode of the descriptor's sockfs file; 0: no descriptor.
    pub inode: u32,
    /// Owner's user id; `None` where the source does not tell.
    pub uid: Option<u32>,
    /// The running timer.
    pub timer: Option<Timer>,
    pub(super) rqueue: u32,
    /// `None` where the source does not tell (the limit of a listener and the
    /// queues of a unix socket in `/proc/net`).
    pub(super) wqueue: Option<u32>,
    pub(super) rqueue_known: bool,
}

impl Socket {
    /// Returns the socket's type, where its table does not imply it.
    pub fn kind(&self) -> Option<SocketType> {
        match self.ends {
            Ends::Inet { .. } | Ends::Netlink { .. } => None,
            Ends::Unix { kind } | Ends::Packet { kind, .. } | Ends::Vsock { kind, .. } => {
                Some(kind)
            }
        }
    }

    /// Returns the local endpoint of an internet socket.
    pub fn local(&self) -> Option<Endpoint> {
        match self.ends {
            Ends::Inet { local, .. } => Some(local),
            _ => None,
        }
    }

    /// Returns the remote endpoint of an internet socket; unspecified without a peer.
    pub fn remote(&self) -> Option<Endpoint> {
        match self.ends {
            Ends::Inet { remote, .. } => Some(remote),
            _ => None,
        }
    }

    /// Tells whether this `AF_INET6` socket talks IPv4 (`::ffff:a.b.c.d`).
    pub fn is_v4_mapped(&self) -> bool {
        self.table.family == Family::Inet6
            && self.local().is_some_and(|l| l.address.as_v4().is_some())
    }
}
