//! Lines of `/proc/net/netlink` and `/proc/net/packet`.

/// A line of `/proc/net/netlink` (`netlink_native_seq_show`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetlinkLine {
    /// `NETLINK_ROUTE` and so on.
    pub protocol: u8,
    /// Port id, 0 for the kernel.
    pub port: u32,
    /// Receive and send memory in use, bytes.
    pub queues: (u32, u32),
    /// Messages dropped.
    pub drops: u32,
    /// Inode of the descriptor's file.
    pub inode: u32,
}

/// A line of `/proc/net/packet` (`packet_seq_show`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketLine {
    /// `SOCK_RAW` 3 or `SOCK_DGRAM` 2.
    pub kind: u8,
    /// The Ethernet protocol (`ETH_P_*`).
    pub protocol: u16,
    /// The bound device, 0 for every device.
    pub ifindex: u32,
    /// Receive memory in use, bytes.
    pub rmem: u32,
    /// Owner's user id.
    pub uid: u32,
    /// Inode of the descriptor's file.
    pub inode: u32,
}

fn columns<const N: usize>(line: &[u8]) -> Option<[&str; N]> {
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let mut found = [""; N];
    for word in &mut found {
        *word = words.next()?;
    }
    Some(found)
}

/// Reads a line; `None` when it is malformed.
pub fn netlink_line(line: &[u8]) -> Option<NetlinkLine> {
    let [_, protocol, port, _, rmem, wmem, _, _, drops, inode] = columns(line)?;
    Some(NetlinkLine {
        protocol: protocol.parse().ok()?,
        // The kernel prints port ids signed or not, by version.
        port: port.parse::<i64>().ok()? as u32,
        queues: (rmem.parse().ok()?, wmem.parse().ok()?),
        drops: drops.parse().ok()?,
        inode: inode.parse().ok()?,
    })
}

/// Reads a line; `None` when it is malformed.
pub fn packet_line(line: &[u8]) -> Option<PacketLine> {
    let [_, _, kind, protocol, ifindex, _, rmem, uid, inode] = columns(line)?;
    Some(PacketLine {
        kind: kind.parse().ok()?,
        protocol: u16::from_str_radix(protocol, 16).ok()?,
        ifindex: ifindex.parse().ok()?,
        rmem: rmem.parse().ok()?,
        uid: uid.parse().ok()?,
        inode: inode.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Lines printed by Linux 6.18.44 for sockets of ours.
    #[test]
    fn lines_of_this_kernel_are_read() {
        let line = b"00000000606b6f67 4   812        00000000 704      0        0     2        3        473     ";
        let netlink =
            NetlinkLine { protocol: 4, port: 812, queues: (704, 0), drops: 3, inode: 473 };
        assert_eq!(netlink_line(line), Some(netlink));
        let line = b"000000002c50b801 3      3    0003   2     1 3332   1000   832136";
        let packet =
            PacketLine { kind: 3, protocol: 3, ifindex: 2, rmem: 3332, uid: 1000, inode: 832_136 };
        assert_eq!(packet_line(line), Some(packet));
    }

    #[test]
    fn what_is_cut_or_strange_is_no_line() {
        for line in [&b""[..], b"sk Eth Pid", b"a b c d e f g h i j", b"\xff 1 2 3 4 5 6 7 8 9"] {
            assert_eq!(netlink_line(line), None);
            assert_eq!(packet_line(line), None);
        }
    }
}
