//! Rows of the vsock table: `struct vsock_diag_msg`
//! (`include/uapi/linux/vm_sockets_diag.h`, written by `sk_diag_fill` in
//! net/vmw_vsock/diag.c).

use super::netlink::u32_at;

const MESSAGE_LEN: usize = 32;

/// One row; it has no attributes.
#[derive(Clone, Copy, Debug)]
pub struct VsockMessage<'a> {
    head: &'a [u8; MESSAGE_LEN],
}

impl<'a> VsockMessage<'a> {
    /// Returns a row from a message's payload; `None` when it is too short.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        payload.first_chunk().map(|head| Self { head })
    }

    /// Returns `SOCK_STREAM` 1, `SOCK_DGRAM` 2, `SOCK_SEQPACKET` 5.
    pub fn kind(&self) -> u8 {
        self.head[1]
    }

    /// Returns the state by TCP's numbers.
    pub fn state(&self) -> u8 {
        self.head[2]
    }

    /// Returns our context id and port.
    pub fn local(&self) -> (u32, u32) {
        (self.word(4), self.word(8))
    }

    /// Returns the peer's context id and port.
    pub fn remote(&self) -> (u32, u32) {
        (self.word(12), self.word(16))
    }

    /// Returns the inode of the descriptor's file.
    pub fn inode(&self) -> u32 {
        self.word(20)
    }

    /// Returns the socket's cookie.
    pub fn cookie(&self) -> u64 {
        u64::from(self.word(28)) << 32 | u64::from(self.word(24))
    }

    fn word(&self, offset: usize) -> u32 {
        u32_at(self.head, offset).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_where_the_kernel_puts_them() {
        let mut row = vec![40, 1, 10, 0];
        for word in 1u32..=7 {
            row.extend(word.to_ne_bytes());
        }
        let message = VsockMessage::parse(&row).expect("long enough");
        assert_eq!((message.kind(), message.state()), (1, 10));
        assert_eq!((message.local(), message.remote()), ((1, 2), (3, 4)));
        assert_eq!((message.inode(), message.cookie()), (5, 7 << 32 | 6));
        assert!(VsockMessage::parse(&row[..31]).is_none());
    }
}
