//! Writes single values, for every text view.

use std::io::Write;

use crate::model::address::{Address, Endpoint, V4Text};
use crate::model::age::Age;
use crate::model::escape::push_escaped;
use crate::model::human;
use crate::model::owner::Owners;
use crate::model::row::Row;
use crate::model::socket::{Ends, Socket, Timer};
use crate::query::Lookups;
use crate::sys::names::Names;

/// Appends a number.
pub fn number(out: &mut Vec<u8>, n: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// Appends an address without its port.
pub fn address(out: &mut Vec<u8>, address: &Address) {
    match address.as_v4() {
        Some(octets) => out.extend_from_slice(V4Text::new(octets).as_bytes()),
        // Writing to a Vec cannot fail.
        None => drop(write!(out, "{address}")),
    }
}

/// Appends the local end of an internet socket, with the device that it is
/// bound to.
pub fn local_end(out: &mut Vec<u8>, socket: &Socket, end: Endpoint, names: &mut Names) {
    endpoint(out, socket, end, true, names);
}

/// Appends the remote end of an internet socket. The device is no part of it,
/// unless the address means nothing without one.
pub fn remote_end(out: &mut Vec<u8>, socket: &Socket, end: Endpoint, names: &mut Names) {
    endpoint(out, socket, end, end.address.is_link_local_v6(), names);
}

/// Appends one end of an internet socket: `10.0.0.1:80`, `[::1%eth0]:80`.
///
/// An IPv4 address of an `AF_INET6` socket carries the mark `::ffff:`; it has
/// no brackets, so that it is not taken for an IPv6 peer.
fn endpoint(
    out: &mut Vec<u8>,
    socket: &Socket,
    end: Endpoint,
    with_device: bool,
    names: &mut Names,
) {
    let v4 = end.address.as_v4().is_some();
    let host = names.host(end.address);
    let brackets = !v4 && host.is_none();
    if brackets {
        out.push(b'[');
    } else if socket.is_v4_mapped() {
        out.extend_from_slice(b"::ffff:");
    }
    match host {
        Some(host) => push_text(out, host.as_bytes()),
        None => address(out, &end.address),
    }
    if with_device && socket.ifindex != 0 {
        out.push(b'%');
        out.extend_from_slice(names.device(socket.ifindex).as_bytes());
    }
    if brackets {
        out.push(b']');
    }
    out.push(b':');
    match (end.port, names.service(end.port, socket.table.proto)) {
        (0, _) => out.push(b'*'),
        (_, Some(service)) => out.extend_from_slice(service.as_bytes()),
        (port, None) => number(out, port),
    }
}

/// Appends the local end of any socket.
pub fn local(out: &mut Vec<u8>, row: &Row<'_>, names: &mut Names) {
    match row.socket.ends {
        Ends::Inet { local, .. } => local_end(out, &row.socket, local, names),
        Ends::Unix { .. } => match row.facts.unix_name() {
            Some(name) => unix_name(out, name.is_abstract, name.bytes),
            None => out.push(b'*'),
        },
        Ends::Netlink { protocol, port, .. } => {
            match netlink_protocol(protocol) {
                Some(name) => out.extend_from_slice(name.as_bytes()),
                None => number(out, protocol),
            }
            out.push(b':');
            netlink_port(out, port);
        }
        Ends::Packet { protocol, .. } => {
            ether_type(out, protocol);
            out.push(b':');
            match row.socket.ifindex {
                0 => out.push(b'*'),
                index => out.extend_from_slice(names.device(index).as_bytes()),
            }
        }
        Ends::Vsock { local, .. } => vsock_end(out, local),
    }
}

/// Appends the remote end of any socket; nothing where it has none.
pub fn remote(out: &mut Vec<u8>, row: &Row<'_>, lookups: &Lookups, names: &mut Names) {
    match row.socket.ends {
        Ends::Inet { remote, .. } => remote_end(out, &row.socket, remote, names),
        Ends::Unix { .. } => match (lookups.peer_name(row), row.facts.peer_inode()) {
            (Some(name), _) => unix_name(out, name.is_abstract, &name.bytes),
            (None, Some(inode)) => drop(write!(out, "inode:{inode}")),
            (None, None) => {}
        },
        Ends::Netlink { peer, .. } if row.socket.state.is_connected() => netlink_port(out, peer),
        Ends::Netlink { .. } | Ends::Packet { .. } => {}
        Ends::Vsock { remote, .. } => vsock_end(out, remote),
    }
}

/// Names of netlink protocols (`NETLINK_*`, include/uapi/linux/netlink.h).
const NETLINK_PROTOCOLS: [&str; 23] = [
    "route",
    "",
    "usersock",
    "firewall",
    "sock_diag",
    "nflog",
    "xfrm",
    "selinux",
    "iscsi",
    "audit",
    "fib_lookup",
    "connector",
    "netfilter",
    "ip6_fw",
    "dnrtmsg",
    "kobject_uevent",
    "generic",
    "",
    "scsitransport",
    "ecryptfs",
    "rdma",
    "crypto",
    "smc",
];

fn netlink_port(out: &mut Vec<u8>, port: u32) {
    match port {
        0 => out.extend_from_slice(b"kernel"),
        port => number(out, port),
    }
}

/// Returns the name of a netlink protocol, where it has one.
pub fn netlink_protocol(protocol: u8) -> Option<&'static str> {
    NETLINK_PROTOCOLS.get(usize::from(protocol)).copied().filter(|name| !name.is_empty())
}

/// Appends the name of an Ethernet protocol people meet (`ETH_P_*`); others by number.
fn ether_type(out: &mut Vec<u8>, protocol: u16) {
    match protocol {
        0x0000 => out.push(b'-'),
        0x0003 => out.push(b'*'),
        0x0800 => out.extend_from_slice(b"ip"),
        0x0806 => out.extend_from_slice(b"arp"),
        0x86dd => out.extend_from_slice(b"ipv6"),
        0x888e => out.extend_from_slice(b"eapol"),
        0x88cc => out.extend_from_slice(b"lldp"),
        other => drop(write!(out, "{other:#06x}")),
    }
}

/// Appends an end; `VMADDR_CID_ANY` and `VMADDR_PORT_ANY` are all ones.
fn vsock_end(out: &mut Vec<u8>, (cid, port): (u32, u32)) {
    for (i, part) in [cid, port].into_iter().enumerate() {
        if i > 0 {
            out.push(b':');
        }
        match part {
            u32::MAX => out.push(b'*'),
            part => number(out, part),
        }
    }
}

/// Appends text that a stranger chose.
fn push_text(out: &mut Vec<u8>, raw: &[u8]) {
    let mut text = String::new();
    push_escaped(&mut text, raw);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a unix socket's name; `@` marks an abstract one.
pub fn unix_name(out: &mut Vec<u8>, is_abstract: bool, name: &[u8]) {
    let mut text = String::new();
    if is_abstract {
        text.push('@');
    }
    push_escaped(&mut text, name);
    out.extend_from_slice(text.as_bytes());
}

/// Appends every process that holds an inode: `api[812],worker[813]`, with
/// descriptors where asked: `api[812]:9`.
pub fn holders(out: &mut Vec<u8>, inode: u32, owners: &Owners, with_fd: bool) {
    let (mut last, mut first) = (None, true);
    for holder in owners.of(inode) {
        let again = last.replace(holder.pid) == Some(holder.pid);
        if again && !with_fd {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        let mut comm = String::new();
        push_escaped(&mut comm, owners.comm(holder.pid));
        out.extend_from_slice(comm.as_bytes());
        out.push(b'[');
        number(out, holder.pid);
        out.push(b']');
        if with_fd {
            out.push(b':');
            number(out, holder.fd);
        }
    }
}

/// Appends a duration in milliseconds.
pub fn duration(out: &mut Vec<u8>, ms: u64) {
    // Writing to a Vec cannot fail.
    drop(write!(out, "{}", human::Milliseconds(ms)));
}

/// Appends a duration in microseconds.
pub fn micros(out: &mut Vec<u8>, us: u64) {
    drop(write!(out, "{}", human::Microseconds(us)));
}

/// Appends an age: `5.0s` exact, `5.0s-6.0s` bounds, `5.0s+` at least.
pub fn age(out: &mut Vec<u8>, age: Age) {
    let start = out.len();
    duration(out, age.min_ms);
    let Some(max) = age.max_ms else {
        out.push(b'+');
        return;
    };
    let end = out.len();
    out.push(b'-');
    duration(out, max);
    // Bounds that read the same say no more than one of them.
    if out[start..end] == out[end + 1..] {
        out.truncate(end);
    }
}

/// Appends a timer: `retransmit,1.2s,3`.
pub fn timer(out: &mut Vec<u8>, timer: Timer) {
    out.extend_from_slice(timer.kind.name().as_bytes());
    out.push(b',');
    duration(out, timer.expires_ms.into());
    out.push(b',');
    number(out, timer.retransmits);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::owner::Holder;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("only text is written")
    }

    #[test]
    fn every_holder_is_named_once_or_with_each_descriptor() {
        // Cells share one buffer: what stands before must not matter.
        let text = |write: &dyn Fn(&mut Vec<u8>)| {
            text(|out| {
                out.extend_from_slice(b"9");
                write(out);
                out.remove(0);
            })
        };
        let mut owners = Owners::default();
        for (pid, fd) in [(812, 9), (812, 11), (900, 4)] {
            owners.add(7, Holder { pid, fd });
        }
        owners.name_process(812, b"api".to_vec());
        owners.name_process(900, b"evil\n,x[1]".to_vec());
        assert_eq!(text(&|out| holders(out, 7, &owners, false)), "api[812],evil\\x0a,x[1][900]");
        assert_eq!(
            text(&|out| holders(out, 7, &owners, true)),
            "api[812]:9,api[812]:11,evil\\x0a,x[1][900]:4"
        );
        assert_eq!(text(&|out| holders(out, 8, &owners, true)), "");
    }

    #[test]
    fn durations_and_ages_are_one_word() {
        let cases = [
            (5, "5ms"),
            (3_249, "3.2s"),
            (60_000, "60s"),
            (2_460_000, "41m"),
            (90_000_000, "1d1h"),
        ];
        for (ms, word) in cases {
            assert_eq!(text(|out| duration(out, ms)), word);
        }
        let of = |min_ms, max_ms| text(|out| age(out, Age { min_ms, max_ms }));
        assert_eq!(of(5_000, Some(5_000)), "5.0s");
        assert_eq!(of(5_000, Some(6_000)), "5.0s-6.0s");
        assert_eq!(of(63_488, Some(63_544)), "63s");
        assert_eq!(of(5_000, None), "5.0s+");
    }
}
