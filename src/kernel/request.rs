//! Dump requests, as bytes ready to send.

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_packet_sock_diag::unix::{ShowFlags, StateFlags as UnixStateFlags, UnixRequest};

/// `AF_INET` as `sdiag_family` carries it.
pub const AF_INET: u8 = 2;
/// `AF_INET6` as `sdiag_family` carries it.
pub const AF_INET6: u8 = 10;
/// `AF_UNIX` as `sdiag_family` carries it.
pub const AF_UNIX: u8 = 1;

/// `UDIAG_SHOW_UID` (Linux 5.3), which the crate does not name.
const UDIAG_SHOW_UID: u32 = 0x40;

/// What to ask of one inet table (`struct inet_diag_req_v2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InetDump {
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// `IPPROTO_TCP`, `IPPROTO_UDP`, `IPPROTO_RAW`.
    pub protocol: u8,
    /// Bit *n* asks for sockets in kernel state *n*.
    pub states: u32,
    /// Bit *n* - 1 asks for attribute *n*; only 1 to 8 can be asked for.
    pub extensions: u8,
    /// Only sockets with this local port; 0 is any (`inet_diag_dump_icsk`).
    pub local_port: u16,
}

/// The bytes of an inet dump request with sequence number `seq`.
pub fn inet_dump(ask: InetDump, seq: u32) -> Vec<u8> {
    let mut id = if ask.family == AF_INET6 { SocketId::new_v6() } else { SocketId::new_v4() };
    id.source_port = ask.local_port;
    dump_message(
        SockDiagMessage::InetRequest(InetRequest {
            family: ask.family,
            protocol: ask.protocol,
            extensions: ExtensionFlags::from_bits_retain(ask.extensions),
            states: StateFlags::from_bits_retain(ask.states),
            socket_id: id,
        }),
        seq,
    )
}

/// The bytes of a unix dump request: name, peer, queues and uid, and what
/// `extra` adds.
pub fn unix_dump(states: u32, extra: ShowFlags, seq: u32) -> Vec<u8> {
    let basic = ShowFlags::NAME | ShowFlags::PEER | ShowFlags::RQLEN;
    let uid = ShowFlags::from_bits_retain(UDIAG_SHOW_UID);
    dump_message(
        SockDiagMessage::UnixRequest(UnixRequest {
            state_flags: UnixStateFlags::from_bits_retain(states),
            inode: 0,
            show_flags: basic | uid | extra,
            cookie: [0xff; 8],
        }),
        seq,
    )
}

fn dump_message(body: SockDiagMessage, seq: u32) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.sequence_number = seq;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(body));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inet_request_has_the_kernels_layout() {
        let ask = InetDump {
            family: AF_INET6,
            protocol: 6,
            states: 1 << 13 | 1 << 10,
            extensions: 0x42,
            local_port: 443,
        };
        let bytes = inet_dump(ask, 9);
        assert_eq!(bytes.len(), 16 + 56);
        assert_eq!(&bytes[4..8], [20, 0, 1, 3]); // SOCK_DIAG_BY_FAMILY, REQUEST | DUMP
        assert_eq!(&bytes[8..12], 9u32.to_ne_bytes());
        assert_eq!(&bytes[16..20], [10, 6, 0x42, 0]);
        assert_eq!(&bytes[20..24], (1u32 << 13 | 1 << 10).to_ne_bytes());
        assert_eq!(&bytes[24..26], 443u16.to_be_bytes());
    }

    #[test]
    fn a_unix_request_asks_for_names_peers_queues_and_uids() {
        let bytes = unix_dump(u32::MAX, ShowFlags::empty(), 9);
        assert_eq!(bytes.len(), 16 + 24);
        assert_eq!(&bytes[28..32], (0x1u32 | 0x4 | 0x10 | 0x40).to_ne_bytes());
    }
}
