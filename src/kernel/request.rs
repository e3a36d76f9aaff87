//! Dump requests, as bytes ready to send.

use std::net::IpAddr;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_packet_sock_diag::unix::{ShowFlags, StateFlags as UnixStateFlags, UnixRequest};
use netlink_packet_sock_diag::{SockDiagDestroy, SockDiagMessage};

/// `AF_INET` as `sdiag_family` carries it.
pub const AF_INET: u8 = 2;
/// `AF_INET6` as `sdiag_family` carries it.
pub const AF_INET6: u8 = 10;

/// `SOCK_DIAG_BY_FAMILY`.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `INET_DIAG_REQ_BYTECODE`.
const REQ_BYTECODE: u16 = 1;
/// `INET_DIAG_REQ_PROTOCOL`: a protocol number that needs more than 8 bits.
const REQ_PROTOCOL: u16 = 3;

/// `UDIAG_SHOW_UID` (Linux 5.3), which the crate does not name.
const UDIAG_SHOW_UID: u32 = 0x40;

/// A request to one inet table (`struct inet_diag_req_v2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InetDump {
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// `IPPROTO_*`; above 255 it travels as an attribute.
    pub protocol: u16,
    /// Bit *n* asks for sockets in kernel state *n*.
    pub states: u32,
    /// Bit *n* - 1 asks for attribute *n*; only 1 to 8 can be asked for.
    pub extensions: u8,
    /// Only sockets with this local port; 0 is any (`inet_diag_dump_icsk`).
    pub local_port: u16,
}

/// Returns the bytes of an inet dump request with sequence number `seq`.
pub fn inet_dump(ask: InetDump, seq: u32) -> Vec<u8> {
    let mut id = if ask.family == AF_INET6 { SocketId::new_v6() } else { SocketId::new_v4() };
    id.source_port = ask.local_port;
    let message = dump_message(
        SockDiagMessage::InetRequest(InetRequest {
            family: ask.family,
            protocol: ask.protocol as u8,
            extensions: ExtensionFlags::from_bits_retain(ask.extensions),
            states: StateFlags::from_bits_retain(ask.states),
            socket_id: id,
        }),
        seq,
    );
    with_protocol(message, ask.protocol)
}

/// Returns the request with a protocol that does not fit into its one byte.
fn with_protocol(message: Vec<u8>, protocol: u16) -> Vec<u8> {
    if protocol <= u16::from(u8::MAX) {
        return message;
    }
    with_attribute(message, REQ_PROTOCOL, &u32::from(protocol).to_ne_bytes())
}

/// One inet socket, as a request names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InetId {
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// `IPPROTO_*`.
    pub protocol: u16,
    /// Local address and port.
    pub local: (IpAddr, u16),
    /// Remote address and port.
    pub remote: (IpAddr, u16),
    /// Bound device.
    pub ifindex: u32,
    /// The kernel's id: another socket in the same place is left alone.
    pub cookie: u64,
}

/// Returns the bytes of a request to destroy one socket (`SOCK_DESTROY`), to be
/// acknowledged.
pub fn destroy(id: &InetId, seq: u32) -> Vec<u8> {
    let message = message(SockDiagDestroy::new(exact(id, 0)), NLM_F_REQUEST | NLM_F_ACK, seq);
    with_protocol(message, id.protocol)
}

/// Returns the bytes of a request for the row of one socket. Ends and cookie must be
/// its own: with another cookie the kernel answers `ENOENT`, without one with
/// the listener of that port (`inet_diag_find_one_icsk`).
pub fn get(id: &InetId, seq: u32) -> Vec<u8> {
    one(id, 0, seq)
}

/// Returns the same, with attributes: bit *n* - 1 of `extensions` asks for attribute *n*.
pub fn one(id: &InetId, extensions: u8, seq: u32) -> Vec<u8> {
    with_protocol(message(exact(id, extensions), NLM_F_REQUEST, seq), id.protocol)
}

fn exact(id: &InetId, extensions: u8) -> SockDiagMessage {
    SockDiagMessage::InetRequest(InetRequest {
        family: id.family,
        protocol: id.protocol as u8,
        extensions: ExtensionFlags::from_bits_retain(extensions),
        states: StateFlags::from_bits_retain(u32::MAX),
        socket_id: SocketId {
            source_port: id.local.1,
            destination_port: id.remote.1,
            source_address: id.local.0,
            destination_address: id.remote.0,
            interface_id: id.ifindex,
            cookie: id.cookie.to_ne_bytes(),
        },
    })
}

/// Returns the request with a filter program (`INET_DIAG_REQ_BYTECODE`).
pub fn with_program(message: Vec<u8>, program: &[u8]) -> Vec<u8> {
    with_attribute(message, REQ_BYTECODE, program)
}

/// Returns the bytes of a request for TCP sockets of both families in one walk: the
/// older message `TCPDIAG_GETSOCK` with `struct inet_diag_req`, which the kernel
/// turns into a dump of `AF_UNSPEC` (`inet_diag_dump_compat`). `ask`'s family
/// and protocol do not matter.
pub fn tcp_dump_both(ask: InetDump, seq: u32) -> Vec<u8> {
    const TCPDIAG_GETSOCK: u16 = 18;
    const BODY_LEN: usize = 60;
    let len = (16 + BODY_LEN) as u32;
    let mut message = Vec::with_capacity(len as usize);
    message.extend(len.to_ne_bytes());
    message.extend(TCPDIAG_GETSOCK.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    message.extend(seq.to_ne_bytes());
    message.extend([0; 4]);
    // Family, two prefix lengths, extensions; then ports, addresses, device
    // and cookie, of which only the local port is used.
    message.extend([0, 0, 0, ask.extensions]);
    message.extend(ask.local_port.to_be_bytes());
    message.extend([0; 46]);
    message.extend(ask.states.to_ne_bytes());
    message.extend(0u32.to_ne_bytes());
    message
}

/// Appends an attribute to a request and corrects the request's length.
fn with_attribute(mut message: Vec<u8>, kind: u16, payload: &[u8]) -> Vec<u8> {
    message.extend(((4 + payload.len()) as u16).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(payload);
    message.resize(message.len().next_multiple_of(4), 0);
    let len = message.len() as u32;
    message[..4].copy_from_slice(&len.to_ne_bytes());
    message
}

/// Returns the bytes of a netlink dump request: all protocols, memory and groups
/// (`struct netlink_diag_req`, `NDIAG_PROTO_ALL`).
pub fn netlink_dump(seq: u32) -> Vec<u8> {
    const AF_NETLINK: u8 = 16;
    const ALL_PROTOCOLS: u8 = 255;
    const SHOW_MEMINFO_AND_GROUPS: u32 = 0x3;
    by_hand(&[AF_NETLINK, ALL_PROTOCOLS], &[0, SHOW_MEMINFO_AND_GROUPS, 0, 0], seq)
}

/// Returns the bytes of a packet dump request: device, uid and memory
/// (`struct packet_diag_req`).
pub fn packet_dump(seq: u32) -> Vec<u8> {
    const AF_PACKET: u8 = 17;
    // PACKET_SHOW_INFO brings the uid as well.
    const SHOW_INFO_AND_MEMINFO: u32 = 0x1 | 0x10;
    by_hand(&[AF_PACKET, 0], &[0, SHOW_INFO_AND_MEMINFO, 0, 0], seq)
}

/// Returns the bytes of a vsock dump request (`struct vsock_diag_req`).
pub fn vsock_dump(states: u32, seq: u32) -> Vec<u8> {
    const AF_VSOCK: u8 = 40;
    by_hand(&[AF_VSOCK, 0], &[states, 0, 0, 0, 0], seq)
}

/// Returns a request of a family that the crate does not know: two bytes, padding to
/// four, and words.
fn by_hand(head: &[u8; 2], words: &[u32], seq: u32) -> Vec<u8> {
    let len = 16 + 4 + 4 * words.len();
    let mut message = Vec::with_capacity(len);
    message.extend((len as u32).to_ne_bytes());
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    message.extend(seq.to_ne_bytes());
    message.extend([0; 4]);
    message.extend([head[0], head[1], 0, 0]);
    message.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    message
}

/// Returns the bytes of a unix dump request: name, peer, queues and uid, and what
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
    message(body, NLM_F_REQUEST | NLM_F_DUMP, seq)
}

fn message<M: NetlinkSerializable>(body: M, flags: u16, seq: u32) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
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
    fn one_request_asks_for_both_families_of_tcp() {
        let ask =
            InetDump { family: 0, protocol: 6, states: 1 << 10, extensions: 2, local_port: 443 };
        let bytes = tcp_dump_both(ask, 9);
        assert_eq!(bytes.len(), 16 + 60);
        assert_eq!(&bytes[..4], 76u32.to_ne_bytes());
        assert_eq!(&bytes[4..8], [18, 0, 1, 3]);
        assert_eq!(&bytes[16..22], [0, 0, 0, 2, 1, 187]);
        assert_eq!(&bytes[68..72], (1u32 << 10).to_ne_bytes());
    }

    #[test]
    fn a_unix_request_asks_for_names_peers_queues_and_uids() {
        let bytes = unix_dump(u32::MAX, ShowFlags::empty(), 9);
        assert_eq!(bytes.len(), 16 + 24);
        assert_eq!(&bytes[28..32], (0x1u32 | 0x4 | 0x10 | 0x40).to_ne_bytes());
    }
}
