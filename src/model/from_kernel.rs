//! From the kernel's records to sockets.

use crate::kernel::inet_diag::{InetMessage, MEMORY_FIELDS, SocketMemory, attribute};
use crate::kernel::netlink_diag::{self, NetlinkMessage};
use crate::kernel::packet_diag::PacketMessage;
use crate::kernel::proc_net::{InetLine, ProcAddress, UnixLine};
use crate::kernel::proc_other::{NetlinkLine, PacketLine};
use crate::kernel::request::AF_INET6;
use crate::kernel::unix_diag::UnixMessage;
use crate::kernel::vsock_diag::VsockMessage;

use super::address::{Address, Endpoint};
use super::identity::Identity;
use super::proto::{Family, Proto, TableId};
use super::socket::{Ends, Socket, SocketType, Timer, TimerKind};
use super::state::State;

impl Socket {
    /// Makes it from a row of sock_diag.
    #[inline]
    pub fn from_inet_diag(message: &InetMessage<'_>, proto: Proto) -> Self {
        let v6 = message.family() == AF_INET6;
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
            uid: diag_uid(message),
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

    /// Makes it from a row of unix_diag.
    pub fn from_unix_diag(message: &UnixMessage<'_>) -> Self {
        let queues = message.attributes.queues();
        Self {
            state: State::from_kernel(message.state()),
            ends: Ends::Unix { kind: SocketType::from_kernel(message.kind()) },
            cookie: message.cookie(),
            inode: message.inode(),
            uid: message.attributes.uid(),
            rqueue: queues.map_or(0, |(r, _)| r),
            wqueue: queues.map(|(_, w)| w),
            rqueue_known: queues.is_some(),
            ..Self::blank(Proto::Unix, Family::Unix)
        }
    }

    /// Makes it from a line of `/proc/net/{tcp,tcp6,udp,udp6,raw,raw6}`.
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

    /// Makes it from a line of `/proc/net/unix`.
    pub fn from_proc_unix(line: &UnixLine<'_>) -> Self {
        let kind = SocketType::from_kernel(u8::try_from(line.kind).unwrap_or(u8::MAX));
        Self {
            state: State::from_kernel(line.state),
            ends: Ends::Unix { kind },
            inode: line.inode,
            ..Self::blank(Proto::Unix, Family::Unix)
        }
    }

    /// Makes it from a row of netlink_diag.
    pub fn from_netlink_diag(message: &NetlinkMessage<'_>) -> Self {
        let memory = message.attributes.find(netlink_diag::MEMINFO).map(SocketMemory::new);
        let queue = |index: usize| memory?.get(&MEMORY_FIELDS[index]);
        Self {
            state: if message.is_connected() { State::Established } else { State::Close },
            ends: Ends::Netlink {
                kind: SocketType::from_kernel(message.kind()),
                protocol: message.protocol(),
                port: message.port(),
                peer: message.peer(),
            },
            cookie: message.cookie(),
            inode: message.inode(),
            rqueue: queue(RMEM).unwrap_or(0),
            wqueue: queue(WMEM),
            rqueue_known: queue(RMEM).is_some(),
            ..Self::blank(Proto::Netlink, Family::Netlink)
        }
    }

    /// Makes it from a line of `/proc/net/netlink`.
    pub fn from_proc_netlink(line: &NetlinkLine) -> Self {
        Self {
            ends: Ends::Netlink {
                kind: SocketType::Raw,
                protocol: line.protocol,
                port: line.port,
                peer: 0,
            },
            inode: line.inode,
            rqueue: line.queues.0,
            wqueue: Some(line.queues.1),
            rqueue_known: true,
            ..Self::blank(Proto::Netlink, Family::Netlink)
        }
    }

    /// Makes it from a row of packet_diag.
    pub fn from_packet_diag(message: &PacketMessage<'_>) -> Self {
        let kind = SocketType::from_kernel(message.kind());
        Self {
            ends: Ends::Packet { kind, protocol: message.protocol() },
            ifindex: message.ifindex(),
            cookie: message.cookie(),
            inode: message.inode(),
            uid: message.uid(),
            rqueue: message.rmem().unwrap_or(0),
            rqueue_known: message.rmem().is_some(),
            ..Self::blank(Proto::Packet, Family::Packet)
        }
    }

    /// Makes it from a line of `/proc/net/packet`.
    pub fn from_proc_packet(line: &PacketLine) -> Self {
        let kind = SocketType::from_kernel(line.kind);
        Self {
            ends: Ends::Packet { kind, protocol: line.protocol },
            ifindex: line.ifindex,
            inode: line.inode,
            uid: Some(line.uid),
            rqueue: line.rmem,
            rqueue_known: true,
            ..Self::blank(Proto::Packet, Family::Packet)
        }
    }

    /// Makes it from a row of vsock_diag.
    pub fn from_vsock_diag(message: &VsockMessage<'_>) -> Self {
        Self {
            state: State::from_kernel(message.state()),
            ends: Ends::Vsock {
                kind: SocketType::from_kernel(message.kind()),
                local: message.local(),
                remote: message.remote(),
            },
            cookie: message.cookie(),
            inode: message.inode(),
            ..Self::blank(Proto::Vsock, Family::Vsock)
        }
    }

    /// Returns a socket of which only its identity and state are known.
    pub fn of_identity(identity: &Identity, state: State) -> Self {
        Self {
            state,
            ends: identity.ends,
            ifindex: identity.ifindex,
            cookie: identity.cookie,
            inode: identity.inode,
            ..Self::blank(identity.table.proto, identity.table.family)
        }
    }

    /// Returns a socket of which nothing is known but its table.
    fn blank(proto: Proto, family: Family) -> Self {
        Self {
            table: TableId { proto, family },
            state: State::Close,
            ends: Ends::Unix { kind: SocketType::Stream },
            ifindex: 0,
            cookie: 0,
            inode: 0,
            uid: None,
            timer: None,
            rqueue: 0,
            wqueue: None,
            rqueue_known: false,
        }
    }
}

/// Places of receive and send memory among [`MEMORY_FIELDS`].
const RMEM: usize = 0;
const WMEM: usize = 2;

/// Returns the owner. Half-open and TIME_WAIT records have none, and the kernel writes 0 for
/// them, which would be root (`inet_req_diag_fill`, `inet_twsk_diag_fill`).
/// Only full sockets have the shutdown attribute.
#[inline]
fn diag_uid(message: &InetMessage<'_>) -> Option<u32> {
    let ownerless = message.inode() == 0 && message.attributes.find(attribute::SHUTDOWN).is_none();
    (!ownerless).then(|| message.uid())
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

/// Returns a bound, idle TCP socket is reported as CLOSE (`tcp_diag_dump`, the walk
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
