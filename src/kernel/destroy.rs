//! The sock_diag destroy multicast: the last thing the kernel says of a socket.
//!
//! `sock_diag_broadcast_destroy` (`net/core/sock_diag.c`) sends a row as a dump
//! would, after the last reference is gone. Its state is always CLOSE, uid and
//! inode are 0. Where the socket was disconnected before, by its own abortive
//! close or a refused connect, the remote end is already wiped, and so is the
//! local address unless it was bound to one (`inet_reset_saddr`): then only
//! the cookie and the local port still mean something.

use std::num::NonZeroU64;

use super::inet_diag::InetMessage;
use super::request::AF_INET;

/// `SKNLGRP_INET_TCP_DESTROY`, `_INET_UDP_`, `_INET6_TCP_`, `_INET6_UDP_`
/// (`include/uapi/linux/sock_diag.h`).
pub const GROUPS: [u32; 4] = [1, 2, 3, 4];

/// `INET_DIAG_PROTOCOL`: u8.
const INET_DIAG_PROTOCOL: u16 = 10;

/// The two ends, as far as they are still known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestroyedEnds {
    /// Everything, of a socket that was connected to the last.
    Both {
        /// Local address; IPv4 in mapped form.
        local: [u8; 16],
        /// Remote address; IPv4 in mapped form.
        remote: [u8; 16],
        /// Remote port, host order.
        remote_port: u16,
    },
    /// The local address, of a listener or another socket bound to it.
    Local {
        /// Local address; IPv4 in mapped form.
        local: [u8; 16],
    },
    /// Nothing but the port: a wildcard listener or bound socket, or one that
    /// was disconnected, which look the same.
    PortOnly,
}

/// A socket that is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestroyedSocket {
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// `IPPROTO_TCP` or `IPPROTO_UDP`; absent where the kernel does not say.
    pub protocol: Option<u8>,
    /// The cookie, by which snapshots know the socket.
    pub cookie: Option<NonZeroU64>,
    /// Local port, host order.
    pub local_port: u16,
    /// The bound device's index, 0 for none.
    pub ifindex: u32,
    /// Addresses and the remote port, as far as they are valid.
    pub ends: DestroyedEnds,
}

impl DestroyedSocket {
    /// Makes it from a message's payload; `None` where it is too short to be one.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let row = InetMessage::parse(payload)?;
        let ends = ends(&row);
        let protocol = row.attributes.find(INET_DIAG_PROTOCOL).and_then(|p| p.first().copied());
        Some(Self {
            family: row.family(),
            protocol,
            cookie: NonZeroU64::new(row.cookie()),
            local_port: row.local_port(),
            ifindex: row.ifindex(),
            ends,
        })
    }
}

fn ends(row: &InetMessage<'_>) -> DestroyedEnds {
    let (local, remote) = (in_v6_form(row, row.local()), in_v6_form(row, row.remote()));
    if row.remote_port() != 0 {
        return DestroyedEnds::Both { local, remote, remote_port: row.remote_port() };
    }
    if row.local() == [0; 16] {
        return DestroyedEnds::PortOnly;
    }
    DestroyedEnds::Local { local }
}

/// Returns a row's address as 16 bytes for both families.
fn in_v6_form(row: &InetMessage<'_>, address: [u8; 16]) -> [u8; 16] {
    if row.family() != AF_INET {
        return address;
    }
    let mut mapped = [0; 16];
    mapped[10..12].fill(0xff);
    mapped[12..].copy_from_slice(&address[..4]);
    mapped
}

#[cfg(test)]
mod tests;
