//! Rows of the netlink table: `struct netlink_diag_msg`
//! (`include/uapi/linux/netlink_diag.h`, written by `sk_diag_fill` in
//! net/netlink/diag.c).

use super::netlink::{Attributes, u32_at};

const MESSAGE_LEN: usize = 28;

/// `NETLINK_DIAG_MEMINFO`, laid out as for inet rows.
pub const MEMINFO: u16 = 0;

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct NetlinkMessage<'a> {
    head: &'a [u8; MESSAGE_LEN],
    /// The attributes behind the fixed part.
    pub attributes: Attributes<'a>,
}

impl<'a> NetlinkMessage<'a> {
    /// Returns a row from a message's payload; `None` when it is too short.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (head, rest) = payload.split_first_chunk()?;
        Some(Self { head, attributes: Attributes::new(rest) })
    }

    /// Returns `SOCK_RAW` 3 or `SOCK_DGRAM` 2.
    pub fn kind(&self) -> u8 {
        self.head[1]
    }

    /// Returns `NETLINK_ROUTE` and so on.
    pub fn protocol(&self) -> u8 {
        self.head[2]
    }

    /// Tells whether it is connected; `NETLINK_CONNECTED` is 1.
    pub fn is_connected(&self) -> bool {
        self.head[3] == 1
    }

    /// Returns our port id, 0 for the kernel.
    pub fn port(&self) -> u32 {
        u32_at(self.head, 4).unwrap_or(0)
    }

    /// Returns the port id it is connected to.
    pub fn peer(&self) -> u32 {
        u32_at(self.head, 8).unwrap_or(0)
    }

    /// Returns the inode of the descriptor's file.
    pub fn inode(&self) -> u32 {
        u32_at(self.head, 16).unwrap_or(0)
    }

    /// Returns the socket's cookie.
    pub fn cookie(&self) -> u64 {
        let low = u32_at(self.head, 20).unwrap_or(0);
        u64::from(u32_at(self.head, 24).unwrap_or(0)) << 32 | u64::from(low)
    }
}
