//! What a row carries beyond its fixed part, decoded when asked for.

use crate::kernel::inet_diag::{SocketMemory, attribute};
use crate::kernel::netlink::Attributes;
use crate::kernel::tcp_info::TcpInfo;
use crate::kernel::unix_diag::UnixAttributes;

/// Where the facts of a row come from; borrowed, decoded on demand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Facts<'a> {
    /// Nothing beyond the fixed part.
    #[default]
    None,
    /// Attributes of an inet row.
    Inet(Attributes<'a>),
    /// Attributes of a unix row.
    Unix(UnixAttributes<'a>),
    /// The name column of `/proc/net/unix`: NUL bytes are printed as `@`.
    ProcPath(&'a [u8]),
    /// The drops column of `/proc/net/udp`.
    ProcDrops(u32),
}

/// The name of a unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixName<'a> {
    /// Whether the name lives outside the file system.
    pub is_abstract: bool,
    /// The name's bytes, without the leading NUL of an abstract one.
    pub bytes: &'a [u8],
}

impl<'a> Facts<'a> {
    fn inet(self, kind: u16) -> Option<&'a [u8]> {
        match self {
            Self::Inet(attributes) => attributes.find(kind),
            _ => None,
        }
    }

    /// The connection's `tcp_info`.
    pub fn tcp_info(self) -> Option<TcpInfo<'a>> {
        self.inet(attribute::INFO).map(TcpInfo::new)
    }

    /// Name of the congestion control.
    pub fn congestion(self) -> Option<&'a str> {
        let name = self.inet(attribute::CONG)?.split(|b| *b == 0).next()?;
        std::str::from_utf8(name).ok().filter(|n| !n.is_empty())
    }

    /// Socket memory.
    pub fn memory(self) -> Option<SocketMemory<'a>> {
        let payload = match self {
            Self::Unix(attributes) => attributes.memory(),
            _ => self.inet(attribute::SKMEMINFO),
        };
        payload.map(SocketMemory::new)
    }

    /// Packets dropped at the socket.
    pub fn drops(self) -> Option<u32> {
        match self {
            Self::ProcDrops(drops) => Some(drops),
            _ => self.memory()?.drops(),
        }
    }

    /// Which sides are shut down: bit 0 receive, bit 1 send. Only full
    /// sockets have it (`inet_diag_msg_attrs_fill`).
    pub fn shutdown(self) -> Option<u8> {
        match self {
            Self::Unix(attributes) => attributes.shutdown(),
            _ => self.inet(attribute::SHUTDOWN)?.first().copied(),
        }
    }

    /// Id (directory inode) of the cgroup the socket was created in.
    pub fn cgroup_id(self) -> Option<u64> {
        let payload = self.inet(attribute::CGROUP_ID)?;
        Some(u64::from_ne_bytes(payload.get(..8)?.try_into().ok()?))
    }

    /// Firewall mark; needs `CAP_NET_ADMIN`.
    pub fn mark(self) -> Option<u32> {
        let payload = self.inet(attribute::MARK)?;
        Some(u32::from_ne_bytes(payload.get(..4)?.try_into().ok()?))
    }

    /// Whether an IPv6 listener refuses IPv4.
    pub fn v6_only(self) -> Option<bool> {
        Some(*self.inet(attribute::SKV6ONLY)?.first()? != 0)
    }

    /// The unix socket's name; `None` for an unnamed one.
    pub fn unix_name(self) -> Option<UnixName<'a>> {
        let (raw, marker) = match self {
            Self::Unix(attributes) => (attributes.name()?, 0),
            Self::ProcPath(path) => (path, b'@'),
            _ => return None,
        };
        Some(match raw.split_first() {
            Some((first, rest)) if *first == marker => UnixName { is_abstract: true, bytes: rest },
            // A path is NUL-terminated inside its attribute on some kernels.
            _ => UnixName { is_abstract: false, bytes: raw.strip_suffix(&[0]).unwrap_or(raw) },
        })
    }

    /// Inode of the unix socket at the other end.
    pub fn peer_inode(self) -> Option<u32> {
        match self {
            Self::Unix(attributes) => attributes.peer_inode().filter(|inode| *inode != 0),
            _ => None,
        }
    }
}
