//! Rows of the unix table: `struct unix_diag_msg` and its attributes
//! (`include/uapi/linux/unix_diag.h`, written by `sk_diag_fill`).

use super::netlink::{Attributes, u32_at};

/// Length of `struct unix_diag_msg`.
const MESSAGE_LEN: usize = 16;

const NAME: u16 = 0;
const PEER: u16 = 2;
const RQLEN: u16 = 4;
const MEMINFO: u16 = 5;
const SHUTDOWN: u16 = 6;
const UID: u16 = 7;

/// One row, borrowed from the receive buffer.
#[derive(Clone, Copy, Debug)]
pub struct UnixMessage<'a> {
    head: &'a [u8; MESSAGE_LEN],
    /// The attributes behind the fixed part.
    pub attributes: UnixAttributes<'a>,
}

impl<'a> UnixMessage<'a> {
    /// Returns a row from a message's payload; `None` when it is shorter than the
    /// fixed part.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (head, rest) = payload.split_first_chunk()?;
        Some(Self { head, attributes: UnixAttributes::new(rest) })
    }

    /// Returns `SOCK_STREAM` 1, `SOCK_DGRAM` 2, `SOCK_SEQPACKET` 5.
    pub fn kind(&self) -> u8 {
        self.head[1]
    }

    /// Returns the state's kernel number: `TCP_ESTABLISHED`, `TCP_LISTEN`, `TCP_CLOSE`.
    pub fn state(&self) -> u8 {
        self.head[2]
    }

    /// Returns the inode of the descriptor's sockfs file; 0 while it waits to be accepted.
    pub fn inode(&self) -> u32 {
        u32_at(self.head, 4).unwrap_or(0)
    }

    /// Returns the socket's cookie.
    pub fn cookie(&self) -> u64 {
        let low = u32_at(self.head, 8).unwrap_or(0);
        let high = u32_at(self.head, 12).unwrap_or(0);
        u64::from(high) << 32 | u64::from(low)
    }
}

/// The attributes of a unix row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnixAttributes<'a>(Attributes<'a>);

impl<'a> UnixAttributes<'a> {
    /// Makes it from raw bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Attributes::new(bytes))
    }

    /// Returns the raw bytes.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }

    /// Returns the name as the kernel holds it: a path, or an abstract name that
    /// begins with NUL and may hold any byte; `None` for an unnamed socket.
    pub fn name(self) -> Option<&'a [u8]> {
        self.0.find(NAME)
    }

    /// Returns the inode of the socket at the other end.
    pub fn peer_inode(self) -> Option<u32> {
        u32_at(self.0.find(PEER)?, 0)
    }

    /// Returns receive and send queue: bytes; on LISTEN pending connections and the
    /// backlog (`sk_diag_show_rqlen`).
    pub fn queues(self) -> Option<(u32, u32)> {
        let payload = self.0.find(RQLEN)?;
        Some((u32_at(payload, 0)?, u32_at(payload, 4)?))
    }

    /// Socket memory, as for inet rows.
    pub fn memory(self) -> Option<&'a [u8]> {
        self.0.find(MEMINFO)
    }

    /// Returns which sides are shut down: bit 0 receive, bit 1 send.
    pub fn shutdown(self) -> Option<u8> {
        self.0.find(SHUTDOWN)?.first().copied()
    }

    /// Returns the owner's user id (Linux 5.3).
    pub fn uid(self) -> Option<u32> {
        u32_at(self.0.find(UID)?, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_raw_and_unknown_attributes_are_skipped() {
        let mut payload = vec![1, 1, 10, 0];
        payload.extend(41u32.to_ne_bytes());
        payload.extend(7u64.to_ne_bytes());
        payload.extend([6, 0, 99, 0, 1, 2, 0, 0]); // attribute 99, padded
        payload.extend([7, 0, 0, 0, 0, b'\n', b'x', 0]); // abstract "\n x"
        payload.extend([12, 0, 4, 0, 3, 0, 0, 0, 2, 0, 0, 0]);
        let row = UnixMessage::parse(&payload).expect("long enough");
        assert_eq!((row.kind(), row.state(), row.inode(), row.cookie()), (1, 10, 41, 7));
        assert_eq!(row.attributes.name(), Some(&b"\0\nx"[..]));
        #[cfg(target_endian = "little")]
        assert_eq!(row.attributes.queues(), Some((3, 2)));
        assert_eq!(row.attributes.peer_inode(), None);
    }
}
