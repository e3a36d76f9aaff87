//! Protocols, address families, and the tables that the kernel keeps of them.

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
    /// Tells whether its sockets have internet addresses and ports.
    pub fn is_internet(self) -> bool {
        matches!(self, Self::Inet | Self::Inet6)
    }

    /// Returns the name used in output: `inet`, `inet6`, `unix`, ….
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
    /// Returns the name used in output: `tcp`, `udp`, `raw`, `unix`, ….
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

    /// Tells whether its sockets have internet addresses and ports.
    pub fn is_internet(self) -> bool {
        !matches!(self, Self::Unix | Self::Netlink | Self::Packet | Self::Vsock)
    }

    /// Tells whether the states of this protocol are those of TCP's machine, LISTEN
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

    /// Returns the table's name in messages and JSON: as in `/proc/net`.
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

    /// Returns the table's file in `/proc/net`, where it has one that can be read row
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
