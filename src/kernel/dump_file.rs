//! A recorded dump: the netlink messages of one or several dumps, one behind
//! the other (`ss -D FILE`, `TCPDIAG_FILE`).

use super::inet_diag::{InetMessage, attribute};
use super::netlink::{Message, align};
use super::request::{AF_INET, AF_INET6};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// The type of rows of the request that is older than sock_diag.
const TCPDIAG_GETSOCK: u16 = 18;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// What stands at one place of the file.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A row, and the IP protocol where it tells.
    Row(InetMessage<'a>, Option<u8>),
    /// The end of one dump; another may follow.
    End,
    /// The kernel ended a dump with this errno.
    Refused(i32),
    /// A message that is no row of an inet table.
    Other,
    /// What stands from here on is no message; the offset in the file.
    Damage(usize),
}

/// The entries of a recorded dump; damage is the last of them.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    offset: usize,
    damaged: bool,
}

impl<'a> Entries<'a> {
    /// The entries of a whole file.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0, damaged: false }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let rest = self.bytes.get(self.offset..).filter(|rest| !rest.is_empty())?;
        if self.damaged {
            return None;
        }
        let Some(message) = Message::first(rest) else {
            self.damaged = true;
            return Some(Entry::Damage(self.offset));
        };
        let at = self.offset;
        self.offset += align(message.len);
        Some(match message.kind {
            NLMSG_DONE => Entry::End,
            NLMSG_ERROR => Entry::Refused(message.error_code()),
            SOCK_DIAG_BY_FAMILY | TCPDIAG_GETSOCK => match InetMessage::parse(message.payload) {
                Some(row) if matches!(row.family(), AF_INET | AF_INET6) => {
                    let protocol = row.attributes.find(attribute::PROTOCOL);
                    Entry::Row(row, protocol.and_then(|bytes| bytes.first().copied()))
                }
                Some(_) => Entry::Other,
                None => {
                    self.damaged = true;
                    Entry::Damage(at)
                }
            },
            _ => Entry::Other,
        })
    }
}
