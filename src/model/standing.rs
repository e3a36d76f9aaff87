//! Standings: the descriptor behind a row, or one of the reasons for having none.

use super::proto::Proto;
use super::row::Row;
use super::socket::TimerKind;
use super::state::State;

/// The owner of a socket, or why it has none. Inode 0 means one of several things that must not be
/// taken for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// A process has a descriptor for it.
    Descriptor,
    /// A request socket: the handshake is not complete (`struct request_sock`).
    Request,
    /// Complete, and waiting in the accept queue of a listener.
    Unaccepted,
    /// Closed by its process, the kernel finishes the conversation.
    Orphan,
    /// The remnant of a closed connection (`struct inet_timewait_sock`).
    Minisocket,
    /// Held by the kernel itself, or by nothing that is known here.
    Kernel,
}

impl Standing {
    /// Returns the word in JSON and text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Descriptor => "descriptor",
            Self::Request => "request",
            Self::Unaccepted => "unaccepted",
            Self::Orphan => "orphan",
            Self::Minisocket => "minisocket",
            Self::Kernel => "kernel",
        }
    }

    /// Makes it from a row.
    pub fn of(row: &Row<'_>) -> Self {
        let socket = &row.socket;
        if socket.inode != 0 {
            return Self::Descriptor;
        }
        if socket.table.proto == Proto::Unix {
            // A pending client's other end has no file until it is accepted.
            return match socket.state {
                State::Established => Self::Unaccepted,
                _ => Self::Kernel,
            };
        }
        let timewait = socket.timer.is_some_and(|t| t.kind == TimerKind::TimeWait);
        match socket.state {
            // A request has no attributes; a full socket in SYN_RECV is the
            // child of a TCP fast open.
            State::SynRecv if row.facts.shutdown().is_some() => Self::Unaccepted,
            State::SynRecv => Self::Request,
            // close() leaves these two states, so nobody can have closed it.
            State::Established | State::CloseWait if socket.table.proto == Proto::Tcp => {
                Self::Unaccepted
            }
            State::TimeWait => Self::Minisocket,
            State::FinWait2 if timewait => Self::Minisocket,
            State::FinWait1 | State::FinWait2 | State::LastAck | State::Closing => Self::Orphan,
            _ => Self::Kernel,
        }
    }
}
