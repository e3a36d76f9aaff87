//! One socket: the fixed part of its row, compact and without borrowed data.

use crate::kernel::inet_diag::InetMessage;
use crate::kernel::proc_net::{InetLine, ProcAddress, UnixLine};
use crate::kernel::unix_diag::UnixMessage;

use super::address::{Address, Endpoint};
use super::state::State;
use super::want::{Family, Proto, TableId};

/// A unix socket's type, as in `socket(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnixKind {
    /// `SOCK_STREAM`.
    Stream,
    /// `SOCK_DGRAM`.
    Dgram,
    /// `SOCK_SEQPACKET`.
    Seqpacket,
    /// A number without a name here.
    Other(u8),
}

impl UnixKind {
    /// The type of a kernel number (`SOCK_STREAM` = 1 and so on).
    pub fn from_kernel(number: u8) -> Self {
        match number {
            1 => Self::Stream,
            2 => Self::Dgram,
            5 => Self::Seqpacket,
            other => Self::Other(other),
        }
    }

    /// The kernel's number of this type.
    pub fn number(self) -> u8 {
        match self {
            Self::Stream => 1,
            Self::Dgram => 2,
            Self::Seqpacket => 5,
            Self::Other(n) => n,
        }
    }

    /// The name in output: `stream`, `dgram`, `seqpacket`, `type(n)`.
    pub fn name(self) -> String {
        match self {
            Self::Stream => "stream".to_owned(),
            Self::Dgram => "dgram".to_owned(),
            Self::Seqpacket => "seqpacket".to_owned(),
            Self::Other(n) => format!("type({n})"),
        }
    }
}

/// What a row's timer is for (`idiag_timer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// The timer of a kernel number; `None` for 0, no timer.
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

    /// The name in output, without spaces.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timer {
    /// What it is for.
    pub kind: TimerKind,
    /// Milliseconds until it fires.
    pub expires_ms: u32,
    /// Retransmits or unanswered probes so far.
    pub retransmits: u8,
}

/// Where the ends of a socket are.
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
        kind: UnixKind,
    },
}

/// The fixed part of one row.
///
/// The queues are private: on LISTEN they are no bytes, so they are read
/// through [`super::queues::Queues`], which decides what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Which table the row is of.
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
    /// From a row of sock_diag.
    #[inline]
    pub fn from_inet_diag(message: &InetMessage<'_>, proto: Proto) -> Self {
        let v6 = message.family() == crate::kernel::request::AF_INET6;
        let family = if v6 { Family::Inet6 } else { Family::Inet };
        let ends = Ends::Inet {
            local: endpoint(v6, message.local(), message.local_port()),
            remote: endpoint(v6, message.remote(), message.remote_port()),
        };
        Self {
            table: TableId { proto, family },
            state: inet_state(proto, message.state(), &ends),
            ends,
            ifindex: message.ifindex(),
            cookie: message.cookie(),
            inode: message.inode(),
            uid: Some(message.uid()),
            timer: TimerKind::from_kernel(message.timer()).map(|kind| Timer {
                kind,
                expires_ms: message.expires_ms(),
                retransmits: message.retransmits(),
            }),
            rqueue: message.rqueue(),
            wqueue: Some(message.wqueue()),
            rqueue_known: true,
        }
    }

    /// From a row of unix_diag.
    pub fn from_unix_diag(message: &UnixMessage<'_>) -> Self {
        let queues = message.attributes.queues();
        Self {
            table: TableId { proto: Proto::Unix, family: Family::Unix },
            state: State::from_kernel(message.state()),
            ends: Ends::Unix { kind: UnixKind::from_kernel(message.kind()) },
            ifindex: 0,
            cookie: message.cookie(),
            inode: message.inode(),
            uid: message.attributes.uid(),
            timer: None,
            rqueue: queues.map_or(0, |(r, _)| r),
            wqueue: queues.map(|(_, w)| w),
            rqueue_known: queues.is_some(),
        }
    }

    /// From a line of `/proc/net/{tcp,tcp6,udp,udp6,raw,raw6}`.
    pub fn from_proc_inet(line: &InetLine, table: TableId) -> Self {
        let ends = Ends::Inet {
            local: Endpoint::new(proc_address(line.local), line.local_port),
            remote: Endpoint::new(proc_address(line.remote), line.remote_port),
        };
        let state = inet_state(table.proto, line.state, &ends);
        Self {
            table,
            state,
            ends,
            ifindex: 0,
            cookie: 0,
            inode: line.inode,
            uid: Some(line.uid),
            timer: TimerKind::from_kernel(line.timer).map(|kind| Timer {
                kind,
                expires_ms: line.expires_ms,
                retransmits: u8::try_from(line.retrans).unwrap_or(u8::MAX),
            }),
            rqueue: line.rx_queue,
            // get_tcp4_sock() prints the queue's length but 0 for its limit.
            wqueue: (state != State::Listen).then_some(line.tx_queue),
            rqueue_known: true,
        }
    }

    /// From a line of `/proc/net/unix`.
    pub fn from_proc_unix(line: &UnixLine<'_>) -> Self {
        Self {
            table: TableId { proto: Proto::Unix, family: Family::Unix },
            state: State::from_kernel(line.state),
            ends: Ends::Unix {
                kind: UnixKind::from_kernel(u8::try_from(line.kind).unwrap_or(u8::MAX)),
            },
            ifindex: 0,
            cookie: 0,
            inode: line.inode,
            uid: None,
            timer: None,
            rqueue: 0,
            wqueue: None,
            rqueue_known: false,
        }
    }

    /// The local endpoint of an internet socket.
    pub fn local(&self) -> Option<Endpoint> {
        match self.ends {
            Ends::Inet { local, .. } => Some(local),
            Ends::Unix { .. } => None,
        }
    }

    /// The remote endpoint of an internet socket; unspecified without a peer.
    pub fn remote(&self) -> Option<Endpoint> {
        match self.ends {
            Ends::Inet { remote, .. } => Some(remote),
            Ends::Unix { .. } => None,
        }
    }

    /// Whether this `AF_INET6` socket talks IPv4 (`::ffff:a.b.c.d`).
    pub fn is_v4_mapped(&self) -> bool {
        self.table.family == Family::Inet6
            && self.local().is_some_and(|l| l.address.as_v4().is_some())
    }
}

#[inline]
fn endpoint(v6: bool, octets: [u8; 16], port: u16) -> Endpoint {
    let address = if v6 {
        Address::v6(octets)
    } else {
        let [a, b, c, d, ..] = octets;
        Address::v4([a, b, c, d])
    };
    Endpoint::new(address, port)
}

fn proc_address(address: ProcAddress) -> Address {
    match address {
        ProcAddress::V4(octets) => Address::v4(octets),
        ProcAddress::V6(octets) => Address::v6(octets),
    }
}

/// A bound, idle TCP socket is reported as CLOSE (`tcp_diag_dump`, the walk
/// over bhash2 for `TCPF_BOUND_INACTIVE`). One that still names a peer had a
/// connection and was closed without losing its port: that is CLOSE.
#[inline]
fn inet_state(proto: Proto, number: u8, ends: &Ends) -> State {
    let state = State::from_kernel(number);
    match ends {
        Ends::Inet { local, remote }
            if proto == Proto::Tcp
                && state == State::Close
                && local.port != 0
                && remote.port == 0 =>
        {
            State::Bound
        }
        _ => state,
    }
}
