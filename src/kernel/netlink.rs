//! The netlink protocol: messages in a datagram, attributes in a message, and
//! the course of one dump.
//!
//! A dump is a pure state machine ([`Dump`]): the caller receives datagrams
//! and feeds them in, so every kind of trouble is tested without a kernel.

use std::ops::ControlFlow;

/// `struct nlmsghdr` (`include/uapi/linux/netlink.h`).
pub(super) const HEADER_LEN: usize = 16;
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const NLM_F_DUMP_INTR: u16 = 0x10;

/// `struct nlattr`: length and type.
pub(super) const ATTR_HEADER_LEN: usize = 4;
/// `NLA_TYPE_MASK`: the type without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
const ATTR_TYPE_MASK: u16 = 0x3fff;

/// Messages and attributes are padded to four bytes (`NLMSG_ALIGN`, `NLA_ALIGN`).
pub(super) const fn align(len: usize) -> usize {
    (len + 3) & !3
}

/// Returns the `N` bytes at `offset`, where the slice is long enough.
#[inline]
pub fn bytes_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset + N)?.try_into().ok()
}

/// Returns the host-order `u32` at `offset`, where the slice is long enough.
#[inline]
pub fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes_at(bytes, offset).map(u32::from_ne_bytes)
}

/// Returns the host-order `u16` at `offset`, where the slice is long enough.
#[inline]
pub fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes_at(bytes, offset).map(u16::from_ne_bytes)
}

/// The attributes of one message, in the order sent: (type, payload).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// Attributes in raw bytes, as they follow a message's fixed part.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the payload of the first attribute of a type.
    pub fn find(self, kind: u16) -> Option<&'a [u8]> {
        self.into_iter().find(|(k, _)| *k == kind).map(|(_, payload)| payload)
    }

    /// Returns the raw bytes.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl<'a> IntoIterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);
    type IntoIter = AttributeIter<'a>;

    fn into_iter(self) -> AttributeIter<'a> {
        AttributeIter(self.0)
    }
}

/// Iterator over [`Attributes`]; ends at the first length that cannot be true.
#[derive(Clone, Debug)]
pub struct AttributeIter<'a>(&'a [u8]);

impl<'a> Iterator for AttributeIter<'a> {
    type Item = (u16, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let len = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)? & ATTR_TYPE_MASK;
        let payload = self.0.get(ATTR_HEADER_LEN..len)?;
        self.0 = self.0.get(align(len)..).unwrap_or_default();
        Some((kind, payload))
    }
}

/// One received datagram.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The part that fitted into the buffer.
    pub bytes: &'a [u8],
    /// The length of the datagram (`MSG_TRUNC` makes `recv` return this).
    pub full_len: usize,
    /// The sender's netlink port; the kernel's is 0.
    pub sender: u32,
}

/// The progress of a dump that a datagram tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    More,
    /// The kernel has sent everything.
    Done,
    /// The kernel ended the dump with this errno, by `NLMSG_ERROR` or in the
    /// payload of `NLMSG_DONE` (`netlink_dump_done`).
    Failed(i32),
    /// The receiver of the rows wants no more.
    Stopped,
}

/// The course of one dump: which messages belong to it and what went wrong.
#[derive(Debug)]
pub struct Dump {
    seq: u32,
    /// Rows handed on.
    pub rows: u64,
    /// Messages whose length cannot be true; the rest of their datagram is lost.
    pub malformed: u64,
    /// Datagrams cut because the buffer was too small; their last rows are lost.
    pub truncated: u64,
    /// `NLMSG_OVERRUN`: the kernel dropped data.
    pub overruns: u64,
    /// `NLM_F_DUMP_INTR`: the table changed in a way that the dump noticed.
    pub interrupted: bool,
}

impl Dump {
    /// Returns a dump whose request carried sequence number `seq`.
    pub fn new(seq: u32) -> Self {
        Self { seq, rows: 0, malformed: 0, truncated: 0, overruns: 0, interrupted: false }
    }

    /// Takes in one datagram and hands the payload of each row to `row`.
    ///
    /// Datagrams of other senders and messages of other requests are ignored:
    /// any process may send to our port, and an abandoned dump may still have
    /// answers under way.
    pub fn feed(
        &mut self,
        datagram: Datagram<'_>,
        row: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Progress {
        if datagram.sender != 0 {
            return Progress::More;
        }
        let cut = datagram.full_len > datagram.bytes.len();
        self.truncated += u64::from(cut);
        let mut rest = datagram.bytes;
        while rest.len() >= HEADER_LEN {
            let Some(message) = Message::first(rest) else {
                self.malformed += u64::from(!cut);
                break;
            };
            rest = rest.get(align(message.len)..).unwrap_or_default();
            match self.message(&message, row) {
                Progress::More => {}
                end => return end,
            }
        }
        Progress::More
    }

    fn message(
        &mut self,
        message: &Message<'_>,
        row: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Progress {
        if message.seq != self.seq {
            return Progress::More;
        }
        self.interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
        match message.kind {
            NLMSG_NOOP => Progress::More,
            NLMSG_OVERRUN => {
                self.overruns += 1;
                Progress::More
            }
            NLMSG_ERROR => match message.error_code() {
                0 => Progress::More, // an acknowledgement
                code => Progress::Failed(code),
            },
            NLMSG_DONE => match message.error_code() {
                0 => Progress::Done,
                code => Progress::Failed(code),
            },
            _ => {
                self.rows += 1;
                match row(message.payload) {
                    ControlFlow::Continue(()) => Progress::More,
                    ControlFlow::Break(()) => Progress::Stopped,
                }
            }
        }
    }

    /// Returns the errno of the acknowledgement in a datagram, 0 for success; `None`
    /// when it holds none for this request.
    pub fn feed_acknowledgement(&mut self, datagram: Datagram<'_>) -> Option<i32> {
        let mut rest = datagram.bytes;
        while let Some(message) = Message::first(rest).filter(|_| datagram.sender == 0) {
            if message.kind == NLMSG_ERROR && message.seq == self.seq {
                return Some(message.error_code());
            }
            rest = rest.get(align(message.len)..).unwrap_or_default();
        }
        None
    }
}

/// One message: its header's fields and its payload.
pub(super) struct Message<'a> {
    pub(super) len: usize,
    pub(super) kind: u16,
    flags: u16,
    seq: u32,
    pub(super) payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Returns the first message in `bytes`; `None` where its length cannot be true.
    #[inline]
    pub(super) fn first(bytes: &'a [u8]) -> Option<Self> {
        let len = u32_at(bytes, 0)? as usize;
        Some(Self {
            len,
            kind: u16_at(bytes, 4)?,
            flags: u16_at(bytes, 6)?,
            seq: u32_at(bytes, 8)?,
            payload: bytes.get(HEADER_LEN..len)?,
        })
    }

    /// Returns the errno of `NLMSG_ERROR` or `NLMSG_DONE` as a positive number; 0 is
    /// success. The kernel writes it negated; a missing one is success.
    pub(super) fn error_code(&self) -> i32 {
        bytes_at(self.payload, 0).map_or(0, i32::from_ne_bytes).saturating_neg().max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEQ: u32 = 77;
    const ROW: u16 = 20;

    fn message(kind: u16, flags: u16, seq: u32, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(((HEADER_LEN + payload.len()) as u32).to_ne_bytes());
        out.extend(kind.to_ne_bytes());
        out.extend(flags.to_ne_bytes());
        out.extend(seq.to_ne_bytes());
        out.extend(0u32.to_ne_bytes());
        out.extend(payload);
        out.resize(align(out.len()), 0);
        out
    }

    fn feed(dump: &mut Dump, bytes: &[u8]) -> (Progress, Vec<Vec<u8>>) {
        feed_datagram(dump, Datagram { bytes, full_len: bytes.len(), sender: 0 })
    }

    fn feed_datagram(dump: &mut Dump, datagram: Datagram<'_>) -> (Progress, Vec<Vec<u8>>) {
        let mut rows = Vec::new();
        let progress = dump.feed(datagram, &mut |row| {
            rows.push(row.to_vec());
            ControlFlow::Continue(())
        });
        (progress, rows)
    }

    #[test]
    fn rows_then_done() {
        let mut dump = Dump::new(SEQ);
        let bytes = [
            message(ROW, 2, SEQ, b"one"),
            message(ROW, 2, SEQ, b"two"),
            message(NLMSG_DONE, 2, SEQ, &0i32.to_ne_bytes()),
        ]
        .concat();
        let (progress, rows) = feed(&mut dump, &bytes);
        assert_eq!(progress, Progress::Done);
        assert_eq!(rows, [b"one", b"two"]);
        assert!(!dump.interrupted && dump.malformed + dump.truncated + dump.overruns == 0);
    }

    #[test]
    fn done_may_carry_an_error() {
        // raw_diag missing: NLMSG_DONE with -ENOENT, not NLMSG_ERROR.
        let bytes = message(NLMSG_DONE, 2, SEQ, &(-2i32).to_ne_bytes());
        assert_eq!(feed(&mut Dump::new(SEQ), &bytes).0, Progress::Failed(2));
    }

    #[test]
    fn an_error_ends_the_dump_and_an_acknowledgement_does_not() {
        let refused = message(NLMSG_ERROR, 0, SEQ, &(-1i32).to_ne_bytes());
        assert_eq!(feed(&mut Dump::new(SEQ), &refused).0, Progress::Failed(1));
        let ack = message(NLMSG_ERROR, 0, SEQ, &0i32.to_ne_bytes());
        assert_eq!(feed(&mut Dump::new(SEQ), &ack).0, Progress::More);
    }

    #[test]
    fn other_requests_and_other_senders_are_ignored() {
        let mut dump = Dump::new(SEQ);
        let stale = message(NLMSG_DONE, 0, SEQ - 1, &0i32.to_ne_bytes());
        assert_eq!(feed(&mut dump, &stale), (Progress::More, vec![]));
        let forged = message(ROW, 0, SEQ, b"forged");
        let datagram = Datagram { bytes: &forged, full_len: forged.len(), sender: 4242 };
        assert_eq!(feed_datagram(&mut dump, datagram), (Progress::More, vec![]));
        assert_eq!(dump.rows, 0);
    }

    #[test]
    fn interruption_overrun_and_truncation_are_remembered() {
        let mut dump = Dump::new(SEQ);
        feed(&mut dump, &message(ROW, NLM_F_DUMP_INTR, SEQ, b"x"));
        assert!(dump.interrupted);

        let mut dump = Dump::new(SEQ);
        feed(&mut dump, &message(NLMSG_OVERRUN, 0, SEQ, b""));
        assert_eq!(dump.overruns, 1);

        let mut dump = Dump::new(SEQ);
        let whole = [message(ROW, 2, SEQ, b"kept"), message(ROW, 2, SEQ, b"cut off")].concat();
        let cut = &whole[..whole.len() - 4];
        let datagram = Datagram { bytes: cut, full_len: whole.len(), sender: 0 };
        let (progress, rows) = feed_datagram(&mut dump, datagram);
        assert_eq!((progress, rows), (Progress::More, vec![b"kept".to_vec()]));
        assert_eq!((dump.truncated, dump.malformed), (1, 0));
    }

    #[test]
    fn a_message_with_an_impossible_length_does_not_take_earlier_rows_along() {
        let mut bytes = message(ROW, 2, SEQ, b"good");
        let at = bytes.len();
        bytes.extend(message(ROW, 2, SEQ, b"evil"));
        for length in [0u32, 3, 15, 4_000_000, u32::MAX] {
            bytes[at..at + 4].copy_from_slice(&length.to_ne_bytes());
            let mut dump = Dump::new(SEQ);
            let (_, rows) = feed(&mut dump, &bytes);
            assert_eq!(rows, [b"good"], "length {length}");
            assert_eq!(dump.malformed, 1);
        }
    }

    #[test]
    fn the_receiver_can_stop() {
        let bytes = [message(ROW, 2, SEQ, b"1"), message(ROW, 2, SEQ, b"2")].concat();
        let mut dump = Dump::new(SEQ);
        let datagram = Datagram { bytes: &bytes, full_len: bytes.len(), sender: 0 };
        let progress = dump.feed(datagram, &mut |_| ControlFlow::Break(()));
        assert_eq!((progress, dump.rows), (Progress::Stopped, 1));
    }

    #[test]
    fn attributes_stop_at_the_first_impossible_length() {
        let mut bytes = Vec::new();
        for (kind, payload) in [(7u16, &b"abcd"[..]), (0x8008, b"x"), (9, b"")] {
            bytes.extend(((ATTR_HEADER_LEN + payload.len()) as u16).to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(payload);
            bytes.resize(align(bytes.len()), 0);
        }
        bytes.extend([3, 0, 1, 0]); // shorter than its own header
        let all: Vec<_> = Attributes::new(&bytes).into_iter().collect();
        assert_eq!(all, [(7, &b"abcd"[..]), (8, b"x"), (9, b"")]);
        assert_eq!(Attributes::new(&bytes).find(8), Some(&b"x"[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = feed(&mut Dump::new(SEQ), &bytes);
            let _ = Attributes::new(&bytes).into_iter().count();
        }

        #[test]
        fn a_flipped_byte_never_loses_rows_before_it(at in 0usize..160, flip in 1u8..=255) {
            let mut bytes: Vec<u8> =
                (0..8u8).flat_map(|i| message(ROW, 2, SEQ, &[i; 4])).collect();
            bytes[at] ^= flip;
            let (_, rows) = feed(&mut Dump::new(SEQ), &bytes);
            let before = at / 20;
            prop_assert!(rows.len() >= before);
            for (i, row) in rows.iter().take(before).enumerate() {
                prop_assert_eq!(row, &vec![i as u8; 4]);
            }
        }
    }
}
