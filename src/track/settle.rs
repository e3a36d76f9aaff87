//! Tells what a snapshot found and no event explained.

use crate::model::age::TIME_WAIT_MS;
use crate::model::lifecycle::can_become;
use crate::model::moment::{Moment, When};
use crate::model::state::State;
use crate::model::transition::{Reason, Source, TransitionKind};

use super::ghosts::Ghost;
use super::pending::{LookFinding, Pending};
use super::record::{Flag, Record};
use super::since::Since;
use super::timeline::Phase;
use super::{RecordChange, Tracker, TransitionSink};

/// The longest time by which TIME_WAIT can seem to have begun too late: a dump
/// takes its time, and the row's timer counts in ticks.
const TIMER_SLACK: u64 = 1_000_000_000;

impl Tracker {
    /// Tells the snapshot's findings; what was asked and not answered waits
    /// for the next snapshot unless that is believed without an answer.
    /// Ends are told first, so that an end comes before the beginning of what
    /// took its place.
    pub fn settle(&mut self, now: Moment, out: &mut TransitionSink<'_>) {
        if self.times.phase != Phase::Seen {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        for missing in pending.iter().filter(|p| p.finding == LookFinding::Missing && p.believed) {
            self.settle_missing(missing, now, out);
        }
        self.settle_ghosts(out);
        for found in &pending {
            match found.finding {
                LookFinding::Opened => self.settle_opened(found, out),
                LookFinding::Changed => self.settle_changed(found, out),
                LookFinding::Missing | LookFinding::Done => {}
            }
        }
        self.pending = pending;
        self.forget_findings();
        self.times.phase = Phase::Settled;
        self.lossy = false;
    }

    /// Drops findings that are told or superseded; a burst of them must not
    /// hold memory for ever.
    pub(super) fn forget_findings(&mut self) {
        let keep = self.ring.len() / 16;
        for findings in [&mut self.pending, &mut self.arrivals] {
            findings.clear();
            findings.shrink_to(keep);
        }
        self.fresh.shrink_to(keep);
    }

    pub(super) fn settle_missing(
        &mut self,
        missing: &Pending,
        now: Moment,
        out: &mut TransitionSink<'_>,
    ) {
        let max = if missing.reason == Some(Reason::TupleReused) { self.times.end } else { now };
        let unasked = missing.reason.or(Some(Reason::Unconfirmed));
        self.end_missing(missing, max, unasked, out);
    }

    /// Ends a socket that is known to be gone by `max`.
    pub(super) fn end_missing(
        &mut self,
        missing: &Pending,
        max: Moment,
        otherwise: Option<Reason>,
        out: &mut TransitionSink<'_>,
    ) {
        let Some(record) = self.ring.get(missing.at).copied() else { return };
        if !record.has(Flag::Listed) {
            self.totals.foreign += u64::from(self.ring.bury(missing.at).is_some());
            return;
        }
        let min = self.times.earliest(&record, missing.unseen);
        let when = When::Between { min: min.min(max), max };
        let reason = missing.reason.or_else(|| self.end_of_time_wait(&record, when));
        let reason = reason.or(self.lossy.then_some(Reason::AfterLoss)).or(otherwise);
        self.finish(missing.at, when, Source::Poll, reason, out);
    }

    /// Returns the reason why TIME_WAIT ended: it can have run its time, counted
    /// from the last start of its timer that is known, or was cut short, since it
    /// never ends early by itself.
    fn end_of_time_wait(&self, record: &Record, when: When) -> Option<Reason> {
        if !record.is_tcp() || record.state() != State::TimeWait {
            return None;
        }
        let ran = when.max().since(record.since.max(self.times.epoch));
        let full = ran.saturating_add(TIMER_SLACK) >= TIME_WAIT_MS * 1_000_000;
        Some(if full { Reason::Expired } else { Reason::CutShort })
    }

    /// Ends the sockets that events ended before this look began and that it does
    /// not show as minisockets.
    fn settle_ghosts(&mut self, out: &mut TransitionSink<'_>) {
        for number in self.ghosts.numbers() {
            let Some(ghost) = self.ghosts.get(number).copied() else { continue };
            if ghost.at > self.times.begin {
                continue;
            }
            self.tell_ghost(number, out);
            if self.times.covers(&ghost.record) {
                self.ghosts.remove(number);
            }
        }
        self.ghosts.trim();
    }

    /// Tells a ghost's end as a change to CLOSE, once.
    pub(super) fn tell_ghost(&mut self, number: u32, out: &mut TransitionSink<'_>) {
        let Some(ghost) = self.ghosts.get_mut(number).filter(|ghost| !ghost.told) else { return };
        ghost.told = true;
        let ghost = *ghost;
        self.tell_end_of(&ghost, out);
    }

    pub(super) fn tell_end_of(&mut self, ghost: &Ghost, out: &mut TransitionSink<'_>) {
        let (kind, from, to) = (TransitionKind::Ended, Some(ghost.state()), State::Close);
        let (when, source) = (ghost.ended(), ghost.source);
        self.tell(&ghost.record, RecordChange { kind, from, to, when, source, reason: None }, out);
    }

    pub(super) fn settle_opened(&mut self, found: &Pending, out: &mut TransitionSink<'_>) {
        let Some(record) = self.ring.get(found.at).copied() else { return };
        let (min, max) = self.times.bounds_of_opening(&record, found.age());
        let when = When::Between { min: min.unwrap_or(max), max };
        let reason = found.reason.or(self.lossy.then_some(Reason::AfterLoss));
        let (kind, from, to) = (TransitionKind::Opened, Some(State::Close), record.state());
        self.tell(
            &record,
            RecordChange { kind, from, to, when, source: Source::Poll, reason },
            out,
        );
    }

    pub(super) fn settle_changed(&mut self, found: &Pending, out: &mut TransitionSink<'_>) {
        let Some(record) = self.ring.get(found.at).copied() else { return };
        let min = self.times.earliest(&record, found.unseen);
        let (begin, end) = (self.times.begin, self.times.end);
        let when = found.age().tighten(min, end, begin, end);
        // Events led where the row cannot have come back from.
        let astray = record.is_tcp()
            && record.since.is_exact()
            && !self.lossy
            && !can_become(record.state(), found.observed());
        self.totals.contradicted += u64::from(astray);
        let reason = astray.then_some(Reason::OtherNamespace);
        self.change(found.at, found.observed(), when, Source::Poll, reason, out);
        if let Some(record) = self.ring.get_mut(found.at) {
            record.set(Flag::Mini, found.mini);
        }
    }

    /// Tells that the socket at a place went to `to`, and notes it.
    pub(super) fn change(
        &mut self,
        at: u32,
        to: State,
        when: When,
        source: Source,
        reason: Option<Reason>,
        out: &mut TransitionSink<'_>,
    ) {
        let Some(record) = self.ring.get(at).copied() else { return };
        let from = record.state();
        if from == to {
            return;
        }
        let doubtful = self.lossy && source == Source::Poll;
        let reason = reason.or(doubtful.then_some(Reason::AfterLoss));
        let change = RecordChange {
            kind: TransitionKind::Changed,
            from: Some(from),
            to,
            when,
            source,
            reason,
        };
        self.tell(&record, change, out);
        if let Some(record) = self.ring.get_mut(at) {
            record.set_state(to);
            record.since = Since::of(when, self.times.epoch);
        }
    }
}
