//! The tracker's input beside rows, and its questions.

use crate::model::identity::Identity;
use crate::model::moment::Moment;
use crate::model::proto::TableId;
use crate::model::row::Row;
use crate::model::state::State;
use crate::model::transition::Source;

use super::tables;

/// One change as the kernel told it.
///
/// The events of one tracker come in the order of their time.
#[derive(Clone, Copy, Debug)]
pub struct ExactEvent {
    /// The time, on the clock of the snapshots.
    pub at: Moment,
    /// The socket: the cookie where the event has one, else the ends; device and
    /// inode are not looked at, and the family tells only v4 from v6 addresses. A
    /// connect() may lack its local port, which the kernel picks after the event.
    /// Any other event that lacks a port (the child of a listener before Linux
    /// 6.13) is better held back until the next one of the same socket tells it;
    /// it is passed over here.
    pub identity: Identity,
    /// The state before; `None` where the event does not tell.
    pub from: Option<State>,
    /// The state after.
    pub to: State,
    /// The source of the event.
    pub source: Source,
}

impl ExactEvent {
    /// Tells whether it happened when the event says. Destruction may come long
    /// after the end (a reset socket keeps its descriptor), and the multicast of
    /// it tells no time: that is a bound only.
    pub(super) fn tells_when(&self) -> bool {
        self.source == Source::Tracepoint && self.from.is_some()
    }
}

/// The result of applying an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was told.
    Told,
    /// It changes nothing: known already, or about a minisocket's full twin.
    Known,
    /// A snapshot is being read: it is applied when that ends.
    Held,
    /// It lacks too much to tell which socket it means.
    Vague,
    /// The full socket is gone; an exact request tells whether the connection
    /// goes on in TIME_WAIT ([`super::Tracker::question`]). Without an answer
    /// the next snapshot tells; [`Answer::Unknown`] has the end told at once.
    Asks(Ticket),
}

/// Names a question; valid until the next snapshot begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(pub(super) QuestionSubject);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuestionSubject {
    Row(u32),
    Ghost(u32),
}

/// The way in which a question can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// By an exact request (`SOCK_DIAG_BY_FAMILY` without `NLM_F_DUMP`) with
    /// the ends and **the cookie**: without it the kernel answers with the
    /// listener of that port.
    Get,
    /// Only by another dump: listeners, sockets without a peer, tables without
    /// such a request, sockets without a cookie. Left unanswered, the next
    /// complete snapshot decides.
    Dump,
}

/// Something to be confirmed before it is believed.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The ticket to hand back with the answer.
    pub ticket: Ticket,
    /// The way to find out.
    pub ask: Ask,
    /// The socket in question.
    pub identity: Identity,
}

/// The answer of an exact request.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// There is no such socket (`ENOENT`).
    Gone,
    /// There it is, and this is its row where there is one.
    Present(Option<&'a Row<'a>>),
    /// It could not be found out.
    Unknown,
}

/// The tables that a snapshot read to the end without a gap: only of these is it
/// believed that a socket which was not listed may be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complete(u8);

impl Complete {
    /// None.
    pub const NONE: Self = Self(0);

    /// Returns this with one more.
    pub fn with(self, table: TableId) -> Self {
        Self(self.0 | tables::code(table).map_or(0, |code| 1 << code))
    }

    pub(super) fn covers(self, table_index: usize) -> bool {
        self.0 >> table_index & 1 == 1
    }
}

/// The counters of a tracker since it was made.
///
/// `first + opened - ended - foreign` sockets are present, questions about
/// minisockets included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sockets that were there at the first complete look at their table.
    pub first: u64,
    /// Sockets that appeared.
    pub opened: u64,
    /// Changes of a socket's state.
    pub changed: u64,
    /// Sockets that went.
    pub ended: u64,
    /// Sockets that lived and ended between two looks.
    pub passed: u64,
    /// Sockets that only events told of and no look shows: of other network
    /// namespaces, where they live on unseen. Nothing is told of that.
    pub foreign: u64,
    /// Rows that a dump held twice.
    pub duplicates: u64,
    /// Rows of sockets that nothing tells apart (unix sockets without cookie
    /// and inode): not tracked.
    pub untracked: u64,
    /// Events that changed nothing.
    pub known_events: u64,
    /// Events that an exact look contradicted: of another network namespace.
    pub contradicted: u64,
    /// Events that were lost.
    pub lost_events: u64,
}
