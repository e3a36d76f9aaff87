//! What a view needs: asking the kernel for no more than this is worth more
//! than any parser (docs/performance of a dump is mostly the kernel's time).

use super::socket::{Socket, SocketType};
use super::state::{State, StateSet};

/// The protocol of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proto {
    /// TCP.
    Tcp,
    /// Multipath TCP connections, whose subflows are TCP sockets.
    Mptcp,
    /// UDP.
    Udp,
    /// UDP-Lite.
    Udplite,
    /// Raw IP.
    Raw,
    /// ICMP echo sockets (`IPPROTO_ICMP` with `SOCK_DGRAM`).
    Ping,
    /// SCTP.
    Sctp,
    /// DCCP.
    Dccp,
    /// Unix, of any socket type.
    Unix,
    /// Netlink.
    Netlink,
    /// Packet sockets.
    Packet,
    /// Sockets between a host and its virtual machines.
    Vsock,
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
    /// `AF_NETLINK`.
    Netlink,
    /// `AF_PACKET`.
    Packet,
    /// `AF_VSOCK`.
    Vsock,
}

impl Family {
    /// Whether its sockets have internet addresses and ports.
    pub fn is_internet(self) -> bool {
        matches!(self, Self::Inet | Self::Inet6)
    }

    /// The name used in output: `inet`, `inet6`, `unix`, ….
    pub fn name(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Inet6 => "inet6",
            Self::Unix => "unix",
            Self::Netlink => "netlink",
            Self::Packet => "packet",
            Self::Vsock => "vsock",
        }
    }
}

impl Proto {
    /// The name used in output: `tcp`, `udp`, `raw`, `unix`, ….
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Mptcp => "mptcp",
            Self::Udp => "udp",
            Self::Udplite => "udplite",
            Self::Raw => "raw",
            Self::Ping => "ping",
            Self::Sctp => "sctp",
            Self::Dccp => "dccp",
            Self::Unix => "unix",
            Self::Netlink => "netlink",
            Self::Packet => "packet",
            Self::Vsock => "vsock",
        }
    }

    /// Whether its sockets have internet addresses and ports.
    pub fn is_internet(self) -> bool {
        !matches!(self, Self::Unix | Self::Netlink | Self::Packet | Self::Vsock)
    }

    /// Whether the states of this protocol are those of TCP's machine, LISTEN
    /// among them.
    pub fn has_tcp_states(self) -> bool {
        matches!(self, Self::Tcp | Self::Mptcp | Self::Sctp | Self::Dccp)
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
    pub const ALL: [Self; 20] = [
        Self::new(Proto::Tcp, Family::Inet),
        Self::new(Proto::Tcp, Family::Inet6),
        Self::new(Proto::Mptcp, Family::Inet),
        Self::new(Proto::Mptcp, Family::Inet6),
        Self::new(Proto::Udp, Family::Inet),
        Self::new(Proto::Udp, Family::Inet6),
        Self::new(Proto::Udplite, Family::Inet),
        Self::new(Proto::Udplite, Family::Inet6),
        Self::new(Proto::Raw, Family::Inet),
        Self::new(Proto::Raw, Family::Inet6),
        Self::new(Proto::Ping, Family::Inet),
        Self::new(Proto::Ping, Family::Inet6),
        Self::new(Proto::Sctp, Family::Inet),
        Self::new(Proto::Sctp, Family::Inet6),
        Self::new(Proto::Dccp, Family::Inet),
        Self::new(Proto::Dccp, Family::Inet6),
        Self::new(Proto::Unix, Family::Unix),
        Self::new(Proto::Netlink, Family::Netlink),
        Self::new(Proto::Packet, Family::Packet),
        Self::new(Proto::Vsock, Family::Vsock),
    ];

    const fn new(proto: Proto, family: Family) -> Self {
        Self { proto, family }
    }

    /// The table's name in messages and JSON: as in `/proc/net`.
    pub fn name(self) -> &'static str {
        match (self.proto, self.family) {
            (Proto::Tcp, Family::Inet6) => "tcp6",
            (Proto::Mptcp, Family::Inet6) => "mptcp6",
            (Proto::Udp, Family::Inet6) => "udp6",
            (Proto::Udplite, Family::Inet6) => "udplite6",
            (Proto::Raw, Family::Inet6) => "raw6",
            (Proto::Ping, Family::Inet6) => "ping6",
            (Proto::Sctp, Family::Inet6) => "sctp6",
            (Proto::Dccp, Family::Inet6) => "dccp6",
            (proto, _) => proto.name(),
        }
    }

    /// The table's file in `/proc/net`, where it has one that can be read row
    /// by row.
    pub fn proc_file(self) -> Option<&'static str> {
        match (self.proto, self.family) {
            (Proto::Ping, Family::Inet6) => Some("icmp6"),
            (Proto::Ping, _) => Some("icmp"),
            (Proto::Mptcp | Proto::Sctp | Proto::Dccp | Proto::Vsock, _) => None,
            _ => Some(self.name()),
        }
    }
}

/// What beyond the fixed part of a row is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// `struct tcp_info`; costs a socket lock and triples the bytes of a row.
    pub tcp_info: bool,
    /// The congestion control: its name and what it tells of itself.
    pub congestion: bool,
    /// Type of service, traffic class, priority.
    pub tos: bool,
    /// Socket memory and drops.
    pub memory: bool,
}

impl Extras {
    /// What either needs.
    pub fn union(self, other: Self) -> Self {
        Self {
            tcp_info: self.tcp_info || other.tcp_info,
            congestion: self.congestion || other.congestion,
            tos: self.tos || other.tos,
            memory: self.memory || other.memory,
        }
    }
}

/// What a filter lets the kernel leave out of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrow {
    /// Only these states.
    pub states: StateSet,
    /// Only this local port.
    pub local_port: Option<u16>,
    /// A program for `INET_DIAG_REQ_BYTECODE`; a kernel that refuses it sends
    /// every row.
    pub program: Option<Vec<u8>>,
}

/// Which rows of which tables, and how much of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The tables, in reading order.
    pub tables: Vec<TableId>,
    /// The states, on every table.
    pub states: StateSet,
    /// Whether nobody said which states: of tables whose sockets are in CLOSE
    /// for life that one is wanted too, or there would be nothing to show.
    pub unasked: bool,
    /// `-l`: narrows to listeners, which on tables other than TCP includes
    /// sockets without a peer (they have no LISTEN).
    pub listening: bool,
    /// What each row must carry.
    pub extras: Extras,
    /// Only sockets with this local port.
    pub local_port: Option<u16>,
    /// Whether rows may come in another order than the kernel's, so that a
    /// large table can be read by two threads.
    pub any_order: bool,
    /// What a filter lets the kernel leave out, by table.
    pub narrow: Vec<(TableId, Narrow)>,
    /// Ports, from the first to the second, one of which each wanted socket has on
    /// either end; empty where it may have any. For events, not for tables.
    pub either_port: Vec<(u16, u16)>,
    /// Protocols of which only sockets of these types are wanted; the kernel
    /// sends the others as well.
    pub kinds: Vec<(Proto, SocketType)>,
}

impl Want {
    /// All states of some tables, nothing extra.
    pub fn all_of(tables: Vec<TableId>) -> Self {
        Self {
            tables,
            states: StateSet::ALL,
            unasked: false,
            listening: false,
            extras: Extras::default(),
            local_port: None,
            any_order: false,
            narrow: Vec::new(),
            either_port: Vec::new(),
            kinds: Vec::new(),
        }
    }

    /// Whether a socket is of a type that is wanted.
    pub fn takes_kind(&self, socket: &Socket) -> bool {
        let mut wanted = self.kinds.iter().filter(|(proto, _)| *proto == socket.table.proto);
        match wanted.next() {
            None => true,
            Some(first) => {
                let kind = socket.kind();
                std::iter::once(first).chain(wanted).any(|(_, wanted)| Some(*wanted) == kind)
            }
        }
    }

    /// Whether a socket is of a table, in a state and of a type that is wanted.
    pub fn takes(&self, socket: &Socket) -> bool {
        self.tables.contains(&socket.table)
            && self.states_of(socket.table).contains(socket.state)
            && self.takes_kind(socket)
    }

    /// What a filter lets the kernel leave out of a table.
    pub fn narrow_of(&self, table: TableId) -> Option<&Narrow> {
        self.narrow.iter().find(|(narrowed, _)| *narrowed == table).map(|(_, narrow)| narrow)
    }

    /// The same without some states of one protocol's tables.
    pub fn without(&self, proto: Proto, states: StateSet) -> Self {
        let mut want = self.clone();
        for table in want.tables.iter().filter(|table| table.proto == proto) {
            let rest = self.states_of(*table).without(states);
            match want.narrow.iter_mut().find(|(narrowed, _)| narrowed == table) {
                Some((_, narrow)) => narrow.states = rest,
                None => {
                    let narrow = Narrow { states: rest, local_port: None, program: None };
                    want.narrow.push((*table, narrow));
                }
            }
        }
        want
    }

    /// Whether two tables are to be read in the same way.
    pub fn reads_alike(&self, a: TableId, b: TableId) -> bool {
        self.tables.contains(&a)
            && self.tables.contains(&b)
            && self.states_of(a) == self.states_of(b)
            && self.narrow_of(a) == self.narrow_of(b)
    }

    /// The local port wanted of one table.
    pub fn local_port_of(&self, table: TableId) -> Option<u16> {
        self.local_port.or_else(|| self.narrow_of(table)?.local_port)
    }

    /// The states wanted of one table.
    pub fn states_of(&self, table: TableId) -> StateSet {
        let states = match (self.listening, table.proto) {
            (false, Proto::Netlink | Proto::Packet) if self.unasked => {
                self.states.union(State::Close.into())
            }
            (false, _) => self.states,
            (true, proto) if proto.has_tcp_states() => State::Listen.into(),
            (true, _) => StateSet::listening(),
        };
        self.narrow_of(table).map_or(states, |narrow| states.intersect(narrow.states))
    }
}
