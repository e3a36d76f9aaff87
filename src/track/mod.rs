//! From snapshots and events to transitions: what changed, when, for how long.
//!
//! ```text
//! begin ─ row, row, … ─ end ─ [owners, answers, events] ─ settle ─ events … ─ begin ─ …
//! ```
//!
//! Rows are compared while the dump is being read; what differs is held back
//! as a finding until [`Tracker::settle`], because an event or an exact
//! request can still explain it better than two looks can. Events are told at
//! once. Every transition is told through the `out` of the call that made it.
//!
//! What is believed:
//! - A row that is not in a dump proves nothing: a dump walks hash chains that
//!   change under it (`tcp_diag_dump`). [`Tracker::questions`] lists what an
//!   exact request should confirm. Without an answer a socket is gone when two
//!   complete dumps in a row lack it. A dump with gaps counts for nothing.
//! - Another socket with the same ends proves the end of the one before: no
//!   two connections share ends and device.
//! - A full socket that became CLOSE from FIN_WAIT2 or CLOSING may live on as
//!   a minisocket; its end is told when that is known, or when the caller says
//!   that it cannot find out.
//!
//! One round of a loop around it; events are applied between rounds as well:
//!
//! ```
//! use sockstate::testing::model::{moment::Moment, row::Row, transition::Transition};
//! use sockstate::testing::track::{Answer, Complete, ExactEvent, Question, Tracker};
//!
//! /// What the hands do.
//! trait Kernel {
//!     fn now(&self) -> Moment;
//!     fn events(&mut self) -> Vec<ExactEvent>;
//!     fn dump(&mut self, sink: &mut dyn FnMut(&Row<'_>)) -> Complete;
//!     fn get(&mut self, question: &Question, then: &mut dyn FnMut(Answer<'_>));
//! }
//!
//! fn round(tracker: &mut Tracker, kernel: &mut impl Kernel, out: &mut dyn FnMut(Transition)) {
//!     tracker.begin(kernel.now());
//!     let complete = kernel.dump(&mut |row| tracker.row(row));
//!     tracker.end(kernel.now(), complete, out);
//!     // tracker.wants_owners() → a scan of /proc → tracker.set_owners(&owners);
//!     for event in kernel.events() {
//!         tracker.apply(&event, out);
//!     }
//!     let questions: Vec<Question> = tracker.questions().collect();
//!     for question in questions {
//!         let now = kernel.now();
//!         kernel.get(&question, &mut |answer| tracker.answer(question.ticket, answer, now, out));
//!     }
//!     tracker.settle(kernel.now(), out);
//! }
//! ```
//!
//! Events that are older than an answer or than `settle` are to be applied
//! before it: an event that comes later than the look that showed what it did
//! is recognised and not told again, but it can no longer make that exact.
//!
//! Nothing here reads a clock or fails. A tracker keeps 64 bytes a socket, and
//! about 11 more for each way (cookie, ends) in which events look sockets up.

mod answer;
mod apply;
mod departed;
mod event;
mod ghosts;
mod index;
#[cfg(not(closed))]
mod inspect;
mod join;
mod locate;
mod look;
mod owners;
mod pending;
mod record;
mod ring;
mod settle;
mod since;
mod tables;
mod timeline;

pub use event::{Answer, Applied, Ask, Complete, ExactEvent, Question, Totals};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::model::gap::Gap;
use crate::model::moment::{Dwell, When};
use crate::model::owner::Owners;
use crate::model::state::State;
use crate::model::transition::{Ownership, Reason, Source, Transition, TransitionKind};

use departed::Departed;
use ghosts::Ghosts;
use index::Index;
use owners::{OwnerId, OwnerTable};
use pending::Pending;
use record::{Flag, Record};
use ring::Ring;
use timeline::Timeline;

/// Receives transitions as they are found.
pub type TransitionSink<'o> = dyn FnMut(Transition) + 'o;

/// Every socket of one network namespace, and what became of it.
#[derive(Debug, Default)]
pub struct Tracker {
    ring: Ring,
    index: Index,
    /// connect()s without a local port, by their peer.
    partials: HashTable<u32>,
    owners: OwnerTable,
    /// The places of the records that got a descriptor in this look.
    fresh: Vec<u32>,
    /// Rows of this look that the window did not explain.
    arrivals: Vec<Pending>,
    pending: Vec<Pending>,
    ghosts: Ghosts,
    departed: Departed,
    /// Events that came while a snapshot was read.
    held: Vec<ExactEvent>,
    hasher: DefaultHashBuilder,
    times: Timeline,
    /// The tracepoint is among the sources.
    traced: bool,
    /// Events were lost since the last look.
    lossy: bool,
    totals: Totals,
}

impl Tracker {
    /// Makes a tracker that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that events were lost (how many, 0 where unknown): the next snapshot
    /// is believed over all that events said, and marks what it changes.
    pub fn resync(&mut self, lost: u64) -> Gap {
        self.lossy = true;
        self.totals.lost_events += lost;
        let gap = Gap::new("events", "the kernel overwrote events before they were read");
        if lost > 0 { gap.count(lost) } else { gap }
    }

    /// Returns the inodes of the sockets that the last look showed.
    pub fn seen_inodes(&self) -> impl Iterator<Item = u32> {
        let seen = |record: &&Record| !record.has(Flag::Unseen) && record.inode != 0;
        self.ring.iter().map(|(_, record)| record).filter(seen).map(|record| record.inode)
    }

    /// Returns the counters since the tracker was made or reset.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Returns the inodes of the sockets that got a descriptor in this look:
    /// their holders are to be found out and given to [`Tracker::set_owners`].
    pub fn wants_owners(&self) -> impl Iterator<Item = u32> {
        self.fresh.iter().filter_map(|at| self.ring.get(*at)).map(|record| record.inode)
    }

    /// Notes the owners of the sockets that [`Tracker::wants_owners`] named,
    /// between `end` and the next `begin`.
    pub fn set_owners(&mut self, owners: &Owners) {
        for at in std::mem::take(&mut self.fresh) {
            self.set_owner(at, owners);
        }
    }

    /// Notes the owners of all sockets anew: descriptors are passed on.
    pub fn refresh_owners(&mut self, owners: &Owners) {
        self.fresh = Vec::new();
        let held = self.ring.iter().filter(|(_, record)| record.inode != 0);
        for at in held.map(|(at, _)| at).collect::<Vec<u32>>() {
            self.set_owner(at, owners);
        }
    }

    fn set_owner(&mut self, at: u32, owners: &Owners) {
        let Some(inode) = self.ring.get(at).map(|record| record.inode) else { return };
        let id = self.owners.intern(owners, inode);
        if id == OwnerId::NONE {
            return;
        }
        if let Some(record) = self.ring.get_mut(at) {
            record.owner = id;
        }
        if self.owners.wants_sweep() {
            let ghosts = self.ghosts.iter().map(|ghost| ghost.record.owner);
            self.owners.sweep(self.ring.iter().map(|(_, record)| record.owner).chain(ghosts));
        }
    }

    fn ownership(&self, record: &Record) -> Option<Ownership> {
        let processes = self.owners.get(record.owner)?.clone();
        Some(Ownership { processes, former: record.inode == 0 })
    }

    /// Counts a transition of `record`, which still is in the state before,
    /// and puts it together.
    fn tell(&mut self, record: &Record, change: RecordChange, out: &mut TransitionSink<'_>) {
        let RecordChange { kind, from, to, when, source, reason } = change;
        // A hand-over begins nothing: it is the ghost's own.
        if kind == TransitionKind::Opened && reason != Some(Reason::HandedOver) {
            self.lay_ghosts(record, out);
        }
        match kind {
            TransitionKind::Opened => self.totals.opened += 1,
            TransitionKind::Changed => self.totals.changed += 1,
            TransitionKind::Ended => self.totals.ended += 1,
            TransitionKind::Passed => self.totals.passed += 1,
        }
        let known = matches!(kind, TransitionKind::Changed | TransitionKind::Ended);
        let since = known.then_some(record.since);
        out(Transition {
            kind,
            from,
            to,
            when,
            dwell: since
                .map(|s| Dwell::between(s.min(self.times.epoch), s.max(self.times.epoch), when)),
            identity: record.identity(),
            source,
            reason,
            owner: self.ownership(record),
            listed: record.has(Flag::Listed),
        });
    }

    /// Ends the socket at a place.
    fn finish(
        &mut self,
        at: u32,
        when: When,
        source: Source,
        reason: Option<Reason>,
        out: &mut TransitionSink<'_>,
    ) {
        let Some(record) = self.ring.bury(at) else { return };
        self.departed.note(&record, when.max());
        let from = Some(record.state());
        let change = RecordChange {
            kind: TransitionKind::Ended,
            from,
            to: State::Close,
            when,
            source,
            reason,
        };
        self.tell(&record, change, out);
    }
}

/// A change of a record to be told, see [`Transition`].
struct RecordChange {
    kind: TransitionKind,
    from: Option<State>,
    to: State,
    when: When,
    source: Source,
    reason: Option<Reason>,
}
