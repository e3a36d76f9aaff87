//! Facts of a row beyond its fixed part, decoded when asked for.

use crate::kernel::congestion::{CongestionKind, KINDS};
use crate::kernel::inet_diag::{SOCKET_OPTIONS, SocketMemory, attribute};
use crate::kernel::netlink::Attributes;
use crate::kernel::netlink_diag;
use crate::kernel::packet_diag;
use crate::kernel::ulp::Ulp;
use crate::kernel::unix_diag::UnixAttributes;

/// The source of a row's facts; borrowed, decoded on demand.
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
    /// The drops column of a `/proc/net` table.
    ProcDrops(u32),
    /// Attributes of a netlink row.
    Netlink(Attributes<'a>),
    /// Attributes of a packet row.
    Packet(Attributes<'a>),
}

/// The name of a unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixName<'a> {
    /// Tells whether the name lives outside the file system.
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

    /// Returns the protocol's own structure: `tcp_info`, or `mptcp_info`.
    pub fn info_bytes(self) -> Option<&'a [u8]> {
        self.inet(attribute::INFO)
    }

    /// Returns the name of the congestion control. A recorded dump may come from anybody, so
    /// only what can be such a name is one.
    pub fn congestion(self) -> Option<&'a str> {
        let name = self.inet(attribute::CONG)?.split(|b| *b == 0).next()?;
        let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        std::str::from_utf8(name).ok().filter(|_| is_name)
    }

    /// Returns the socket memory.
    pub fn memory(self) -> Option<SocketMemory<'a>> {
        let payload = match self {
            Self::Unix(attributes) => attributes.memory(),
            Self::Netlink(attributes) => attributes.find(netlink_diag::MEMINFO),
            Self::Packet(attributes) => attributes.find(packet_diag::MEMINFO),
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

    /// Returns which sides are shut down: bit 0 receive, bit 1 send. Only full
    /// sockets have it (`inet_diag_msg_attrs_fill`).
    pub fn shutdown(self) -> Option<u8> {
        match self {
            Self::Unix(attributes) => attributes.shutdown(),
            _ => self.inet(attribute::SHUTDOWN)?.first().copied(),
        }
    }

    /// Returns the id (directory inode) of the cgroup the socket was created in.
    pub fn cgroup_id(self) -> Option<u64> {
        let payload = self.inet(attribute::CGROUP_ID)?;
        Some(u64::from_ne_bytes(payload.get(..8)?.try_into().ok()?))
    }

    /// Returns what the congestion control tells of itself: which structure, and its
    /// bytes.
    pub fn congestion_info(self) -> Option<(&'static CongestionKind, &'a [u8])> {
        KINDS.iter().find_map(|kind| Some((kind, self.inet(kind.attribute)?)))
    }

    /// Returns what runs on top of the socket.
    pub fn ulp(self) -> Option<Ulp<'a>> {
        Ulp::new(self.inet(attribute::ULP_INFO)?)
    }

    /// Returns the type of service of IPv4.
    pub fn tos(self) -> Option<u8> {
        self.inet(attribute::TOS)?.first().copied()
    }

    /// Returns the traffic class of IPv6.
    pub fn traffic_class(self) -> Option<u8> {
        self.inet(attribute::TCLASS)?.first().copied()
    }

    /// Returns the socket's priority, or its `net_cls` class id (`inet_diag_msg_attrs_fill`).
    pub fn class_id(self) -> Option<u32> {
        self.word(attribute::CLASS_ID)
    }

    /// Returns the socket options that are set, by name.
    pub fn socket_options(self) -> Option<impl Iterator<Item = &'static str>> {
        let bytes = self.inet(attribute::SOCKOPT)?;
        let bit = |i: usize| bytes.get(i / 8).is_some_and(|byte| byte >> (i % 8) & 1 == 1);
        Some(SOCKET_OPTIONS.iter().enumerate().filter(move |(i, _)| bit(*i)).map(|(_, name)| *name))
    }

    /// Returns the firewall mark; needs `CAP_NET_ADMIN`.
    pub fn mark(self) -> Option<u32> {
        self.word(attribute::MARK)
    }

    fn word(self, kind: u16) -> Option<u32> {
        Some(u32::from_ne_bytes(self.inet(kind)?.get(..4)?.try_into().ok()?))
    }

    /// Tells whether an IPv6 listener refuses IPv4.
    pub fn v6_only(self) -> Option<bool> {
        Some(*self.inet(attribute::SKV6ONLY)?.first()? != 0)
    }

    /// Returns the unix socket's name; `None` for an unnamed one.
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

    /// Returns the inode of the unix socket at the other end.
    pub fn peer_inode(self) -> Option<u32> {
        match self {
            Self::Unix(attributes) => attributes.peer_inode().filter(|inode| *inode != 0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_congestion_control_has_a_name_without_control_characters() {
        let named = |name: &[u8]| {
            let mut bytes = (name.len() as u16 + 4).to_ne_bytes().to_vec();
            bytes.extend(attribute::CONG.to_ne_bytes());
            bytes.extend(name);
            Facts::Inet(Attributes::new(&bytes)).congestion().map(str::to_owned)
        };
        assert_eq!(named(b"bbr\0").as_deref(), Some("bbr"));
        for bad in [&b"\x1b[31mred\0"[..], b"two words", b"", b"\0", b"\xff"] {
            assert_eq!(named(bad), None);
        }
    }
}
