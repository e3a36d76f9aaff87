//! Rows of the packet table: `struct packet_diag_msg`
//! (`include/uapi/linux/packet_diag.h`, written by `sk_diag_fill` in
//! net/packet/diag.c).

use super::netlink::{Attributes, u16_at, u32_at};

const MESSAGE_LEN: usize = 16;

/// `PACKET_DIAG_INFO`: the bound device first.
const INFO: u16 = 0;
/// `PACKET_DIAG_UID`.
const UID: u16 = 5;
/// `PACKET_DIAG_MEMINFO`, laid out as for inet rows.
pub const MEMINFO: u16 = 6;

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct PacketMessage<'a> {
    head: &'a [u8; MESSAGE_LEN],
    /// The attributes behind the fixed part.
    pub attributes: Attributes<'a>,
}

impl<'a> PacketMessage<'a> {
    /// Returns a row from a message's payload; `None` when it is too short.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (head, rest) = payload.split_first_chunk()?;
        Some(Self { head, attributes: Attributes::new(rest) })
    }

    /// Returns `SOCK_RAW` 3 or `SOCK_DGRAM` 2.
    pub fn kind(&self) -> u8 {
        self.head[1]
    }

    /// Returns the Ethernet protocol, host order (`ETH_P_*`).
    pub fn protocol(&self) -> u16 {
        u16_at(self.head, 2).unwrap_or(0)
    }

    /// Returns the inode of the descriptor's file.
    pub fn inode(&self) -> u32 {
        u32_at(self.head, 4).unwrap_or(0)
    }

    /// Returns the socket's cookie.
    pub fn cookie(&self) -> u64 {
        let low = u32_at(self.head, 8).unwrap_or(0);
        u64::from(u32_at(self.head, 12).unwrap_or(0)) << 32 | u64::from(low)
    }

    /// Returns the bound device, 0 for every device.
    pub fn ifindex(&self) -> u32 {
        self.attributes.find(INFO).and_then(|info| u32_at(info, 0)).unwrap_or(0)
    }

    /// Returns the owner's user id.
    pub fn uid(&self) -> Option<u32> {
        u32_at(self.attributes.find(UID)?, 0)
    }

    /// Bytes waiting to be read (`SK_MEMINFO_RMEM_ALLOC`).
    pub fn rmem(&self) -> Option<u32> {
        u32_at(self.attributes.find(MEMINFO)?, 0)
    }
}
