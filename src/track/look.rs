//! One snapshot: rows in, findings out.

use crate::model::moment::{Moment, When};
use crate::model::row::Row;
use crate::model::transition::{Reason, Source, TransitionKind};

use super::event::Complete;
use super::join::{Arrivals, JoinOutcome};
use super::owners::OwnerId;
use super::pending::{LookFinding, Pending, RowAge};
use super::record::{Flag, Record};
use super::since::Since;
use super::tables;
use super::timeline::Phase;
use super::{RecordChange, Tracker, TransitionSink};
use crate::model::state::State;

impl Tracker {
    /// Begins a snapshot. Findings of the one before that were not settled are
    /// found anew by this one. A snapshot that was broken off is to be ended,
    /// with [`Complete::NONE`]; until then it goes on.
    pub fn begin(&mut self, at: Moment) {
        if self.times.phase == Phase::Reading {
            return;
        }
        self.disown_openings();
        self.forget_findings();
        self.times.begin(at);
        self.index.clear();
        self.partials.clear();
        self.fresh.clear();
        self.ghosts.trim();
        self.ring.begin();
    }

    /// Forgets the sockets that were found and never told.
    fn disown_openings(&mut self) {
        for found in self.pending.iter().filter(|found| found.finding == LookFinding::Opened) {
            self.ring.bury(found.at);
        }
    }

    /// Takes in one row, in the order of the dump. Outside of a snapshot it is
    /// ignored.
    #[inline]
    pub fn row(&mut self, row: &Row<'_>) {
        if self.times.phase != Phase::Reading {
            return;
        }
        if tables::code(row.socket.table).is_none() {
            return;
        }
        let mut new = Record::of(&row.socket);
        let Some(old) = self.ring.take(&new) else {
            self.arrive(new, row);
            return;
        };
        let shown = new;
        let got_descriptor = new.inode != 0 && new.inode != old.inode;
        let changed = new.succeed(&old);
        let at = self.ring.push(new);
        if got_descriptor {
            self.fresh.push(at);
        }
        if changed {
            let mut pending = Pending::new(at, LookFinding::Changed, &shown, RowAge::of(row));
            pending.unseen = old.has(Flag::Unseen);
            self.pending.push(pending);
        }
    }

    fn arrive(&mut self, new: Record, row: &Row<'_>) {
        if new.is_anonymous() {
            self.totals.untracked += 1;
            return;
        }
        let at = self.ring.push(new);
        self.arrivals.push(Pending::new(at, LookFinding::Opened, &new, RowAge::of(row)));
    }

    /// Ends the reading of a snapshot; `complete` are the tables that were read
    /// without a gap. Afterwards there may be [`Tracker::questions`] and
    /// [`Tracker::wants_owners`], and events may come again.
    pub fn end(&mut self, at: Moment, complete: Complete, out: &mut TransitionSink<'_>) {
        if self.times.phase != Phase::Reading {
            return;
        }
        self.times.end(at);
        let (base, leftovers) = self.ring.finish();
        let moved = self.pending.iter_mut().chain(&mut self.arrivals).map(|p| &mut p.at);
        moved.chain(&mut self.fresh).for_each(|at| *at -= base);
        self.widen_lookalikes(&leftovers);
        let missing = self.join(&leftovers, out);
        self.take_arrivals();
        self.take_missing(missing, complete);
        self.pending.sort_unstable_by_key(|pending| pending.at);
        self.times.cover(complete);
        for event in std::mem::take(&mut self.held) {
            self.apply(&event, out);
        }
    }

    /// Matches rows and old records that the window did not bring together;
    /// returns the places that stay without a row.
    fn join(
        &mut self,
        leftovers: &[u32],
        out: &mut TransitionSink<'_>,
    ) -> Vec<(u32, Option<Reason>)> {
        let mut rows = std::mem::take(&mut self.arrivals);
        let by_ends = !leftovers.is_empty() || !self.ghosts.is_empty();
        let (mut arrivals, twice) = Arrivals::new(&mut self.ring, &mut rows, by_ends);
        self.totals.duplicates += twice;
        let unclaimed: Vec<u32> =
            leftovers.iter().copied().filter(|at| arrivals.claim(*at).is_none()).collect();
        let partials = unclaimed.iter().copied().filter(|at| arrivals.lacks_port(*at));
        arrivals.complete(&partials.collect::<Vec<u32>>());
        let mut minisockets = Vec::new();
        for number in self.ghosts.numbers() {
            let row = self.ghosts.get(number).and_then(|g| arrivals.claim_minisocket(&g.record));
            minisockets.extend(row.map(|at| (number, at)));
        }
        let explained = unclaimed.into_iter().filter_map(|at| match arrivals.explain(at)? {
            JoinOutcome::Found => None,
            JoinOutcome::Missing(reason) => Some((at, reason)),
        });
        let missing = explained.collect();
        self.totals.duplicates += arrivals.sift();
        self.arrivals = rows;
        for (number, at) in minisockets {
            self.hand_over(number, at, out);
        }
        missing
    }

    /// Widens the times of sockets that only events told of and that have equal
    /// ends: nothing tells which of them a row shows, so each of them began when
    /// any did.
    fn widen_lookalikes(&mut self, places: &[u32]) {
        let likeness = |at: &u32| self.ring.get(*at).and_then(|r| r.likeness(&self.hasher));
        let mut alike: Vec<(u64, u32)> =
            places.iter().filter_map(|at| Some((likeness(at)?, *at))).collect();
        alike.sort_unstable();
        for group in alike.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            self.widen(&group.iter().map(|(_, at)| *at).collect::<Vec<u32>>());
        }
    }

    /// Gives all records at `places` the bounds that hold for any of them.
    pub(super) fn widen(&mut self, places: &[u32]) {
        let sinces = places.iter().filter_map(|at| self.ring.get(*at)).map(|record| record.since);
        let Some(hull) = sinces.reduce(|a, b| a.hull(b, self.times.epoch)) else { return };
        for at in places {
            if let Some(record) = self.ring.get_mut(*at) {
                record.since = hull;
            }
        }
    }

    /// Takes the rows that no record explains for sockets that appeared, except
    /// at the first complete look at their table.
    fn take_arrivals(&mut self) {
        for row in std::mem::take(&mut self.arrivals) {
            let Some(record) = self.ring.get(row.at).copied() else { continue };
            if record.inode != 0 && record.owner == OwnerId::NONE {
                self.fresh.push(row.at);
            }
            if row.finding == LookFinding::Changed {
                self.pending.push(row);
            }
            if row.finding != LookFinding::Opened {
                continue;
            }
            let (min, max) = self.times.bounds_of_opening(&record, row.age());
            let since = Since::between(min, max, self.times.epoch);
            if let Some(record) = self.ring.get_mut(row.at) {
                record.since = since;
            }
            if self.times.floor(&record).is_some() {
                self.pending.push(row);
            } else {
                self.totals.first += 1;
            }
        }
    }

    fn take_missing(&mut self, missing: Vec<(u32, Option<Reason>)>, complete: Complete) {
        for (at, reason) in missing {
            let Some(record) = self.ring.get_mut(at) else { continue };
            let mut pending = Pending::new(at, LookFinding::Missing, record, RowAge::UNKNOWN);
            pending.reason = reason;
            pending.believed = reason == Some(Reason::TupleReused);
            pending.unseen = record.has(Flag::Unseen);
            record.set(Flag::Unseen, true);
            if complete.covers(record.table_index()) {
                pending.believed |= record.has(Flag::Missed);
                record.set(Flag::Missed, true);
            }
            self.pending.push(pending);
            if self.ring.get(at).is_some_and(Record::lacks_port) {
                self.add_partial(at);
            }
        }
    }

    pub(super) fn add_partial(&mut self, at: u32) {
        let (ring, hasher) = (&self.ring, &self.hasher);
        let hash = |at: &u32| ring.get(*at).map_or(0, |record| record.hash_remote(hasher));
        self.partials.insert_unique(hash(&at), at, hash);
    }

    /// Hands a ghost over to its minisocket, the record at `at`.
    pub(super) fn hand_over(&mut self, number: u32, at: u32, out: &mut TransitionSink<'_>) {
        let Some(ghost) = self.ghosts.remove(number) else { return };
        let Some(row) = self.ring.get(at).copied() else { return };
        let when = if ghost.hands_over_at_once() {
            When::Exact(ghost.at)
        } else {
            let min = self.times.last_known(&ghost.record);
            When::Between { min: min.min(ghost.at), max: ghost.at }
        };
        let (kind, from, reason, source) = if ghost.told {
            (TransitionKind::Opened, State::Close, Some(Reason::HandedOver), Source::Poll)
        } else {
            (TransitionKind::Changed, ghost.state(), None, ghost.source)
        };
        let mut record = row;
        record.succeed(&ghost.record);
        // An orphan's minisocket goes on in FIN_WAIT2: nothing changed.
        let goes_on = from == row.state();
        if !goes_on {
            let change =
                RecordChange { kind, from: Some(from), to: row.state(), when, source, reason };
            self.tell(&record, change, out);
        }
        let since = if goes_on { ghost.record.since } else { Since::of(when, self.times.epoch) };
        if let Some(slot) = self.ring.get_mut(at) {
            slot.owner = ghost.record.owner;
            slot.since = since;
        }
    }
}
