//! One change of one socket's state: what `events` and `watch` print.

use std::sync::Arc;

use super::identity::Identity;
use super::lifecycle::{Via, begins, via};
use super::moment::{Dwell, When};
use super::proto::Proto;
use super::state::State;

/// The kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransitionKind {
    /// A socket that was not known appeared in `to`.
    Opened,
    /// A known socket went from `from` to `to`.
    Changed,
    /// A known socket is gone; `to` is CLOSE.
    Ended,
    /// A socket that was never known is gone: it lived between two looks.
    Passed,
}

/// The source that told of the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The tracepoint `sock:inet_sock_set_state`.
    Tracepoint,
    /// The kernel's multicast of destroyed sockets.
    Destroy,
    /// Two snapshots that differ.
    Poll,
}

impl Source {
    /// Returns the word in output: `tracepoint`, `destroy`, `poll`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tracepoint => "tracepoint",
            Self::Destroy => "destroy",
            Self::Poll => "poll",
        }
    }
}

/// The reason why a change is not what it looks like, or what explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// TIME_WAIT ran its 60 seconds (`inet_twsk_kill` from its timer).
    Expired,
    /// TIME_WAIT ended before its time: a reset, or its tuple was reused.
    CutShort,
    /// Another socket with the same ends took this one's place.
    TupleReused,
    /// One `struct sock` lives on with other ends: connect() to `AF_UNSPEC`
    /// and then to elsewhere. The cookie is the same.
    SocketReused,
    /// The minisocket of a connection whose end was reported before.
    HandedOver,
    /// Events of another network namespace, about a connection with the same
    /// ends, were taken for this socket's; this sets it right.
    OtherNamespace,
    /// Two complete dumps in a row lacked it; no exact request confirmed it.
    Unconfirmed,
    /// Events were lost before: the change may be several, or older.
    AfterLoss,
}

impl Reason {
    /// Returns a word for scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::CutShort => "cut-short",
            Self::TupleReused => "tuple-reused",
            Self::SocketReused => "socket-reused",
            Self::HandedOver => "handed-over",
            Self::OtherNamespace => "other-namespace",
            Self::Unconfirmed => "unconfirmed",
            Self::AfterLoss => "after-loss",
        }
    }
}

/// A process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its command name, raw.
    pub comm: Box<[u8]>,
}

/// The processes that hold a socket, or did when it still had a descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Every process with a descriptor, ordered.
    pub processes: Arc<[Process]>,
    /// Tells whether they have closed it since (`was nginx[812]`).
    pub former: bool,
}

/// One change of one socket's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The kind of change.
    pub kind: TransitionKind,
    /// The state before; CLOSE for one that appeared, unless an event said
    /// otherwise; `None` where nobody knows ([`TransitionKind::Passed`]).
    pub from: Option<State>,
    /// The state after.
    pub to: State,
    /// The time.
    pub when: When,
    /// The time that the socket was in `from`, where something is known of it.
    pub dwell: Option<Dwell>,
    /// The socket, with its present ends.
    pub identity: Identity,
    /// The source that told.
    pub source: Source,
    /// The explanation of it.
    pub reason: Option<Reason>,
    /// The processes that hold it or held it, where known.
    pub owner: Option<Ownership>,
    /// Tells whether a snapshot of this network namespace has listed the socket;
    /// tracepoint events alone come from all namespaces.
    pub listed: bool,
}

impl Transition {
    /// Returns the state before as people read it. Not every socket that came into sight
    /// is new.
    pub fn before(&self) -> String {
        match (self.kind, self.from) {
            (TransitionKind::Opened, Some(from)) if begins(from, self.to) => "new".to_owned(),
            (_, Some(from)) => from.to_string(),
            (TransitionKind::Opened, None) => "new".to_owned(),
            (_, None) => "unseen".to_owned(),
        }
    }

    /// Returns the state after as people read it.
    pub fn after(&self) -> String {
        match self.kind {
            TransitionKind::Ended | TransitionKind::Passed => "gone".to_owned(),
            TransitionKind::Opened | TransitionKind::Changed => self.to.to_string(),
        }
    }

    /// Tells whether this is what the kernel said, not what two looks suggest.
    pub fn is_exact(&self) -> bool {
        self.when.is_exact() && self.source != Source::Poll
    }

    /// Tells whether it is known that this happened in the network namespace that is
    /// looked at: trace events alone come from every one, snapshots and the
    /// multicast of destroyed sockets from one only.
    pub fn is_local(&self) -> bool {
        self.listed || self.source != Source::Tracepoint
    }

    /// Returns the states that must lie between, see [`via`]; empty for an exact
    /// change, and for what is no TCP.
    pub fn via(&self) -> Via {
        match self.from {
            _ if self.reason == Some(Reason::HandedOver) => Via::NONE,
            Some(from) if !self.is_exact() && self.identity.table.proto == Proto::Tcp => {
                via(from, self.to)
            }
            _ => Via::NONE,
        }
    }
}
