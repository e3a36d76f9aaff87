//! Rows of TCP, UDP and raw tables: `struct inet_diag_msg` and its attributes.
//!
//! Layouts are those of `include/uapi/linux/inet_diag.h`; the rows are written
//! by `inet_sk_diag_fill`, `inet_twsk_diag_fill` and `inet_req_diag_fill`.

use super::netlink::{Attributes, bytes_at, u32_at};

/// Length of `struct inet_diag_msg`.
pub const MESSAGE_LEN: usize = 72;

/// Attribute numbers (`INET_DIAG_*`).
pub mod attribute {
    /// `struct tcp_info`.
    pub const INFO: u16 = 2;
    /// `struct tcpvegas_info`.
    pub const VEGASINFO: u16 = 3;
    /// Name of the congestion control, NUL-terminated.
    pub const CONG: u16 = 4;
    /// `u8`: type of service of IPv4.
    pub const TOS: u16 = 5;
    /// `u8`: traffic class of IPv6.
    pub const TCLASS: u16 = 6;
    /// `u32[SK_MEMINFO_VARS]`.
    pub const SKMEMINFO: u16 = 7;
    /// `u8`: bit 0 receive side shut, bit 1 send side shut. Sent for every
    /// full socket and for nothing else.
    pub const SHUTDOWN: u16 = 8;
    /// `struct tcp_dctcp_info`.
    pub const DCTCPINFO: u16 = 9;
    /// `u8`: an IPv6 socket that takes no IPv4.
    pub const SKV6ONLY: u16 = 11;
    /// `u32` firewall mark, for `CAP_NET_ADMIN` only.
    pub const MARK: u16 = 15;
    /// `u8`: the IP protocol.
    pub const PROTOCOL: u16 = 10;
    /// `struct tcp_bbr_info`.
    pub const BBRINFO: u16 = 16;
    /// `u32`: the socket's priority or `net_cls` class id.
    pub const CLASS_ID: u16 = 17;
    /// Array of `struct tcp_diag_md5sig`, with the keys.
    pub const MD5SIG: u16 = 18;
    /// Nested: what runs on top of the socket.
    pub const ULP_INFO: u16 = 19;
    /// `u64` inode number of the cgroup2 directory.
    pub const CGROUP_ID: u16 = 21;
    /// `struct inet_diag_sockopt`: bits of [`super::SOCKET_OPTIONS`].
    pub const SOCKOPT: u16 = 22;
}

/// Extension bits of a request: bit *n* - 1 asks for attribute *n*.
pub mod extension {
    /// Asks for `INET_DIAG_INFO`; takes every socket's lock (`tcp_get_info`).
    pub const INFO: u8 = 1 << 1;
    /// Asks for what the congestion control tells: one of `VEGASINFO`,
    /// `DCTCPINFO`, `BBRINFO`.
    pub const VEGASINFO: u8 = 1 << 2;
    /// Asks for `INET_DIAG_TOS`.
    pub const TOS: u8 = 1 << 4;
    /// Asks for `INET_DIAG_TCLASS`, which brings `CLASS_ID` as well.
    pub const TCLASS: u8 = 1 << 5;
    /// Asks for `INET_DIAG_CONG`.
    pub const CONG: u8 = 1 << 3;
    /// Asks for `INET_DIAG_SKMEMINFO`.
    pub const SKMEMINFO: u8 = 1 << 6;
}

/// Names of the bits of `struct inet_diag_sockopt`, lowest first.
pub const SOCKET_OPTIONS: [&str; 11] = [
    "recverr",
    "is_icsk",
    "freebind",
    "hdrincl",
    "mc_loop",
    "transparent",
    "mc_all",
    "nodefrag",
    "bind_address_no_port",
    "recverr_rfc4884",
    "defer_connect",
];

/// One row, borrowed from the receive buffer; nothing is decoded until asked.
#[derive(Clone, Copy, Debug)]
pub struct InetMessage<'a> {
    head: &'a [u8; MESSAGE_LEN],
    /// The attributes behind the fixed part.
    pub attributes: Attributes<'a>,
}

impl<'a> InetMessage<'a> {
    /// Returns a row from a message's payload; `None` when it is shorter than the
    /// fixed part.
    #[inline]
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (head, rest) = payload.split_first_chunk()?;
        Some(Self { head, attributes: Attributes::new(rest) })
    }

    /// Returns `AF_INET` or `AF_INET6`.
    #[inline]
    pub fn family(&self) -> u8 {
        self.head[0]
    }

    /// Returns the state's kernel number.
    #[inline]
    pub fn state(&self) -> u8 {
        self.head[1]
    }

    /// Returns which timer runs: 0 none, 1 retransmit, 2 keepalive, 3 TIME_WAIT,
    /// 4 zero-window probe; later kernels have more.
    #[inline]
    pub fn timer(&self) -> u8 {
        self.head[2]
    }

    /// Retransmits or unanswered probes of that timer.
    #[inline]
    pub fn retransmits(&self) -> u8 {
        self.head[3]
    }

    /// Returns the local port, host order; raw sockets: the IP protocol.
    #[inline]
    pub fn local_port(&self) -> u16 {
        u16::from_be_bytes([self.head[4], self.head[5]])
    }

    /// Returns the remote port, host order.
    #[inline]
    pub fn remote_port(&self) -> u16 {
        u16::from_be_bytes([self.head[6], self.head[7]])
    }

    /// Returns the local address, network order; IPv4 in the first four bytes.
    #[inline]
    pub fn local(&self) -> [u8; 16] {
        self.array(8)
    }

    /// Returns the remote address, network order; IPv4 in the first four bytes.
    #[inline]
    pub fn remote(&self) -> [u8; 16] {
        self.array(24)
    }

    /// Returns the bound device's index, 0 for none.
    #[inline]
    pub fn ifindex(&self) -> u32 {
        u32::from_ne_bytes(self.array(40))
    }

    /// Returns the socket's cookie (`sock_gen_cookie`).
    #[inline]
    pub fn cookie(&self) -> u64 {
        let low = u32::from_ne_bytes(self.array(44));
        let high = u32::from_ne_bytes(self.array(48));
        u64::from(high) << 32 | u64::from(low)
    }

    /// Milliseconds until the timer fires.
    #[inline]
    pub fn expires_ms(&self) -> u32 {
        u32::from_ne_bytes(self.array(52))
    }

    /// Returns the receive queue: bytes, on LISTEN the accept queue's length.
    #[inline]
    pub fn rqueue(&self) -> u32 {
        u32::from_ne_bytes(self.array(56))
    }

    /// Returns the send queue: bytes, on LISTEN the accept queue's limit.
    #[inline]
    pub fn wqueue(&self) -> u32 {
        u32::from_ne_bytes(self.array(60))
    }

    /// Returns the owner's user id as seen from our user namespace.
    #[inline]
    pub fn uid(&self) -> u32 {
        u32::from_ne_bytes(self.array(64))
    }

    /// Returns the inode of the descriptor's sockfs file, 0 where there is none.
    #[inline]
    pub fn inode(&self) -> u32 {
        u32::from_ne_bytes(self.array(68))
    }

    /// Returns `N` bytes of the fixed part; `offset` is one of the layout's constants,
    /// so the slice is always inside it.
    #[inline]
    fn array<const N: usize>(&self, offset: usize) -> [u8; N] {
        bytes_at(self.head, offset).unwrap_or([0; N])
    }
}

/// Socket memory, in bytes unless said otherwise (`SK_MEMINFO_*`, filled by
/// `sk_get_meminfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketMemory<'a>(&'a [u8]);

/// One number of [`SocketMemory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryField {
    /// Name with its unit, as in JSON.
    pub name: &'static str,
    /// The letters `ss` uses inside `skmem:(…)`.
    pub short: &'static str,
    /// The meaning with its unit, in a few words.
    pub means: &'static str,
    index: usize,
}

/// Index of the drop counter in [`MEMORY_FIELDS`].
const DROPS_INDEX: usize = 8;

/// Every number of `INET_DIAG_SKMEMINFO`, in the kernel's order.
pub const MEMORY_FIELDS: [MemoryField; 9] = [
    MemoryField {
        name: "rmem_alloc_bytes",
        short: "r",
        means: "memory in the receive queue, bytes",
        index: 0,
    },
    MemoryField {
        name: "rcvbuf_bytes",
        short: "rb",
        means: "limit of the receive buffer, bytes",
        index: 1,
    },
    MemoryField {
        name: "wmem_alloc_bytes",
        short: "t",
        means: "memory of packets handed to the network, bytes",
        index: 2,
    },
    MemoryField {
        name: "sndbuf_bytes",
        short: "tb",
        means: "limit of the send buffer, bytes",
        index: 3,
    },
    MemoryField {
        name: "fwd_alloc_bytes",
        short: "f",
        means: "memory set aside for the socket and not used yet, bytes",
        index: 4,
    },
    MemoryField {
        name: "wmem_queued_bytes",
        short: "w",
        means: "memory in the send queue, bytes",
        index: 5,
    },
    MemoryField {
        name: "optmem_bytes",
        short: "o",
        means: "memory of options and filters, bytes",
        index: 6,
    },
    MemoryField {
        name: "backlog_bytes",
        short: "bl",
        means: "memory of packets that wait while the socket is locked, bytes",
        index: 7,
    },
    MemoryField {
        name: "drops",
        short: "d",
        means: "packets dropped at the socket",
        index: DROPS_INDEX,
    },
];

impl<'a> SocketMemory<'a> {
    /// Makes it from the attribute's payload, which older kernels make shorter.
    pub fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    /// Returns one number; `None` where this kernel does not send it.
    pub fn get(&self, field: &MemoryField) -> Option<u32> {
        u32_at(self.0, field.index * 4)
    }

    /// Packets dropped at this socket (`sk_drops`).
    pub fn drops(&self) -> Option<u32> {
        self.get(&MEMORY_FIELDS[DROPS_INDEX])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_row_shorter_than_its_fixed_part_is_no_row() {
        assert!(InetMessage::parse(&[0; MESSAGE_LEN - 1]).is_none());
        assert!(InetMessage::parse(&[0; MESSAGE_LEN]).is_some());
    }

    #[test]
    fn short_memory_is_decoded_as_far_as_it_goes() {
        let seven: Vec<u8> = (1..=7u32).flat_map(u32::to_ne_bytes).collect();
        let memory = SocketMemory::new(&seven);
        assert_eq!(memory.get(&MEMORY_FIELDS[6]), Some(7));
        assert_eq!(memory.drops(), None);
    }

    proptest! {
        #[test]
        fn every_accessor_survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(row) = InetMessage::parse(&bytes) {
                let _ = (row.family(), row.state(), row.timer(), row.retransmits());
                let _ = (row.local(), row.remote(), row.local_port(), row.remote_port());
                let _ = (row.cookie(), row.expires_ms(), row.rqueue(), row.wqueue());
                let _ = (row.uid(), row.inode(), row.ifindex());
                let _ = row.attributes.find(attribute::INFO);
            }
        }
    }
}
