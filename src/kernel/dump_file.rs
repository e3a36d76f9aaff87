//! A recorded dump: the netlink messages of one or several dumps, one behind
//! the other (`ss -D FILE`, `TCPDIAG_FILE`).

use super::inet_diag::{InetMessage, MESSAGE_LEN, attribute};
use super::netlink::{ATTR_HEADER_LEN, HEADER_LEN, Message, align, u16_at, u32_at};
use super::request::{AF_INET, AF_INET6};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// The type of rows of the request that is older than sock_diag.
const TCPDIAG_GETSOCK: u16 = 18;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// The record at one place of the file.
#[derive(Clone, Copy, Debug)]
pub enum DumpEntry<'a> {
    /// A row, and the IP protocol where it tells.
    Row(InetMessage<'a>, Option<u8>),
    /// The end of one dump, another may follow; or an acknowledgement.
    End,
    /// The kernel ended a dump with this errno.
    Refused(i32),
    /// A message that is no row of an inet table.
    Other,
    /// The rest from here on is no message, or nothing although the dump has
    /// not ended; the offset in the file.
    Damage(usize),
}

/// The entries of a recorded dump; damage is the last of them.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    offset: usize,
    /// Tells whether the end of a dump was the last: a file that is cut between two
    /// messages lacks it.
    ended: bool,
    damaged: bool,
}

impl<'a> Entries<'a> {
    /// Returns the entries of a whole file.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0, ended: false, damaged: false }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = DumpEntry<'a>;

    fn next(&mut self) -> Option<DumpEntry<'a>> {
        // The padding of the last message may be missing.
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        if self.damaged || (rest.is_empty() && self.ended) {
            return None;
        }
        let Some(message) = Message::first(rest) else {
            self.damaged = true;
            return Some(DumpEntry::Damage(self.offset.min(self.bytes.len())));
        };
        let at = self.offset;
        self.offset += align(message.len);
        let errno = message.error_code();
        // An error without an errno is an acknowledgement, which ends nothing.
        self.ended = match message.kind {
            NLMSG_DONE => true,
            NLMSG_ERROR => errno != 0,
            _ => false,
        };
        Some(match message.kind {
            // The end of a dump tells its errno as well.
            NLMSG_DONE | NLMSG_ERROR if errno != 0 => DumpEntry::Refused(errno),
            NLMSG_DONE | NLMSG_ERROR => DumpEntry::End,
            SOCK_DIAG_BY_FAMILY | TCPDIAG_GETSOCK => match InetMessage::parse(message.payload) {
                Some(row) if matches!(row.family(), AF_INET | AF_INET6) => {
                    let protocol = row.attributes.find(attribute::PROTOCOL);
                    DumpEntry::Row(row, protocol.and_then(|bytes| bytes.first().copied()))
                }
                Some(_) => DumpEntry::Other,
                None => {
                    self.damaged = true;
                    DumpEntry::Damage(at)
                }
            },
            _ => DumpEntry::Other,
        })
    }
}

/// Overwrites the keys of TCP MD5 signatures in a datagram, which the kernel
/// sends along with tcp_info to who has `CAP_NET_ADMIN`
/// (`tcp_diag_put_md5sig()` in net/ipv4/tcp_diag.c): a dump is made to be
/// handed on. Zeros stay in their place.
pub fn hide_keys(datagram: &mut [u8]) {
    let mut at = 0;
    // The last message may be cut, in the middle of a key too.
    while let (Some(len), Some(kind)) = (u32_at(datagram, at), u16_at(datagram, at + 4)) {
        let len = (len as usize).max(HEADER_LEN);
        let end = at.saturating_add(len).min(datagram.len());
        let is_row = kind == SOCK_DIAG_BY_FAMILY;
        let mut attribute_at = at + HEADER_LEN + MESSAGE_LEN;
        while let Some(rest) = datagram.get(attribute_at..end).filter(|_| is_row) {
            let (Some(len), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) else { break };
            let len = usize::from(len).max(ATTR_HEADER_LEN);
            let payload = attribute_at + ATTR_HEADER_LEN..(attribute_at + len).min(end);
            if kind == attribute::MD5SIG {
                datagram.get_mut(payload).unwrap_or_default().fill(0);
            }
            attribute_at += align(len);
        }
        at = align(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row whose attributes are `(type, payload)`.
    fn message(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_LEN + MESSAGE_LEN];
        bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        for (kind, payload) in attributes {
            let len = (payload.len() + ATTR_HEADER_LEN) as u16;
            bytes.extend(len.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(*payload);
            bytes.resize(align(bytes.len()), 0);
        }
        let len = bytes.len() as u32;
        bytes[..4].copy_from_slice(&len.to_ne_bytes());
        bytes
    }

    /// A message of this type that carries an errno as the kernel writes it.
    fn ending(kind: u16, errno: i32) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_LEN];
        bytes[..4].copy_from_slice(&(HEADER_LEN as u32 + 4).to_ne_bytes());
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes.extend((-errno).to_ne_bytes());
        bytes
    }

    #[test]
    fn a_dump_is_whole_only_with_its_end() {
        let told = |parts: &[&Vec<u8>]| -> Vec<String> {
            let bytes = parts.iter().copied().flatten().copied().collect::<Vec<u8>>();
            let name = |entry: DumpEntry<'_>| match entry {
                DumpEntry::Row(..) => "row".to_owned(),
                other => format!("{other:?}"),
            };
            Entries::new(&bytes).map(name).collect()
        };
        let mut row = message(&[]);
        row[HEADER_LEN] = AF_INET;
        let (done, ack) = (ending(NLMSG_DONE, 0), ending(NLMSG_ERROR, 0));
        assert_eq!(told(&[]), ["Damage(0)"]);
        let end = format!("Damage({})", row.len());
        assert_eq!(told(&[&row]), ["row", &end]);
        assert_eq!(told(&[&row, &done, &done]), ["row", "End", "End"]);
        assert_eq!(told(&[&ending(NLMSG_DONE, 12)]), ["Refused(12)"]);
        assert_eq!(told(&[&ending(NLMSG_ERROR, 12)]), ["Refused(12)"]);
        assert_eq!(told(&[&ack]), ["End", "Damage(20)"]);
        assert_eq!(told(&[&ack, &row, &done]), ["End", "row", "End"]);
    }

    #[test]
    fn keys_are_overwritten_and_nothing_else() {
        let rows = |key: &[u8]| {
            let one = message(&[(2, b"tcp_info"), (attribute::MD5SIG, key), (19, b"ulp")]);
            [one.clone(), message(&[]), one].concat()
        };
        let mut bytes = rows(b"secret");
        hide_keys(&mut bytes);
        assert_eq!(bytes, rows(&[0; 6]));
        for len in 0..bytes.len() {
            let mut cut = rows(b"secret");
            cut.truncate(len);
            hide_keys(&mut cut);
            assert_eq!(cut, bytes[..len]);
        }
    }
}
