//! Identities: what makes a socket that socket, from one look to the next.

use super::address::Endpoint;
use super::proto::TableId;
use super::socket::{Ends, Socket};

/// Cookie, family, both ends and device.
///
/// The cookie alone is no connection id: one `struct sock` can live through
/// several connections, and then one dump holds a TIME_WAIT row and a full row
/// with the same cookie (`inet_twsk_alloc` copies `sk_cookie`). Without a
/// cookie, as in `/proc/net`, the ends, the device and the inode must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The table that the socket is in.
    pub table: TableId,
    /// The kernel's id of the `struct sock`; 0 where the source has none.
    pub cookie: u64,
    /// Both ends.
    pub ends: Ends,
    /// Bound device, 0 for none.
    pub ifindex: u32,
    /// Inode of the descriptor's file, 0 for none. It comes and goes during a
    /// socket's life, and tells only sockets apart that have no cookie.
    pub inode: u32,
}

impl Identity {
    /// Reads it off a row.
    pub fn of(socket: &Socket) -> Self {
        Self {
            table: socket.table,
            cookie: socket.cookie,
            ends: socket.ends,
            ifindex: socket.ifindex,
            inode: socket.inode,
        }
    }

    /// Both endpoints of an internet socket, local first.
    pub fn endpoints(&self) -> Option<(Endpoint, Endpoint)> {
        match self.ends {
            Ends::Inet { local, remote } => Some((local, remote)),
            _ => None,
        }
    }
}
