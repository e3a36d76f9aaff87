//! Queues: whether the two numbers of a row are bytes, or an accept queue.

use super::row::Row;
use super::state::State;

/// The queues of one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queues {
    /// Bytes waiting; absent where the source does not tell.
    Bytes {
        /// Received and not read by the application. In CLOSE_WAIT the FIN
        /// counts as one byte until the application has read the end of file.
        recv: Option<u32>,
        /// Sent and not acknowledged, or not sent yet.
        send: Option<u32>,
    },
    /// Connections waiting at a listener.
    Accept(AcceptQueue),
}

/// The accept queue of a listener (`sk_ack_backlog`, `sk_max_ack_backlog`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptQueue {
    /// Connections complete and not accepted; absent where the source does
    /// not tell.
    pub len: Option<u32>,
    /// min(backlog of `listen`, somaxconn at that time); absent with `/proc`.
    pub limit: Option<u32>,
    /// Packets dropped at this listener since it began to listen; absent
    /// unless socket memory was asked for.
    pub drops: Option<u32>,
}

impl AcceptQueue {
    /// Tells whether the next connection is refused: the kernel's test is length >
    /// limit (`sk_acceptq_is_full`), so a queue holds limit + 1.
    pub fn is_full(&self) -> Option<bool> {
        Some(self.len? > self.limit?)
    }
}

impl Queues {
    /// Decides what the numbers of `row` mean.
    #[inline]
    pub fn of(row: &Row<'_>) -> Self {
        let socket = &row.socket;
        let first = socket.rqueue_known.then_some(socket.rqueue);
        if socket.state == State::Listen {
            Self::Accept(AcceptQueue { len: first, limit: socket.wqueue, drops: row.facts.drops() })
        } else {
            Self::Bytes { recv: first, send: socket.wqueue }
        }
    }
}

/// The part of the end of a stream that the application of a CLOSE_WAIT socket has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndOfFile {
    /// The application read the end of file and did not close.
    Read,
    /// The application never read the end of file.
    Unread,
    /// Data before the end of file is unread; closing will reset.
    DataUnread,
}

impl EndOfFile {
    /// Makes it from a row; `None` unless it is in CLOSE_WAIT. The FIN counts as one
    /// byte of the receive queue (`tcp_diag_get_info`: rcv_nxt - copied_seq).
    pub fn of(row: &Row<'_>) -> Option<Self> {
        (row.socket.state == State::CloseWait).then_some(match row.socket.rqueue {
            0 => Self::Read,
            1 => Self::Unread,
            _ => Self::DataUnread,
        })
    }

    /// Returns the word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Unread => "unread",
            Self::DataUnread => "data_unread",
        }
    }
}
