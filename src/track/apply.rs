//! One event of the kernel, told at once and counted once.

use crate::model::lifecycle::{can_become, is_edge, may_hand_over};
use crate::model::moment::When;
use crate::model::state::State;
use crate::model::transition::{Reason, Source, TransitionKind};

use super::answer::until;
use super::event::{Applied, ExactEvent, QuestionSubject, Ticket};
use super::ghosts::Ghost;
use super::locate::{Located, begins};
use super::pending::LookFinding;
use super::record::{Flag, Record};
use super::since::Since;
use super::timeline::Phase;
use super::{RecordChange, Tracker, TransitionSink};

impl Tracker {
    /// Takes in an event. Events come in the order of their time; those that
    /// come while a snapshot is read wait for its end.
    pub fn apply(&mut self, event: &ExactEvent, out: &mut TransitionSink<'_>) -> Applied {
        if self.times.phase == Phase::Reading {
            self.held.push(*event);
            return Applied::Held;
        }
        self.times.start(event.at);
        self.traced |= event.source == Source::Tracepoint;
        let probe = Record::bare(&event.identity, event.to);
        let applied = match (self.locate(event, &probe, out), event.to) {
            (Located::Unclear, _) => Applied::Vague,
            (Located::At(at), State::Close) => self.end_known(at, event, out),
            (Located::At(at), _) => self.step(at, event, out),
            (Located::Nowhere, State::Close) => self.end_unknown(event, probe, out),
            (Located::Nowhere, _) => self.open(event, probe, out),
        };
        self.totals.known_events += u64::from(applied == Applied::Known);
        applied
    }

    /// Applies a change of a socket that is known.
    fn step(&mut self, at: u32, event: &ExactEvent, out: &mut TransitionSink<'_>) -> Applied {
        let Some(record) = self.ring.get(at).copied() else { return Applied::Known };
        if self.begins_finding(at, &record, event) {
            return self.open_found(at, event, out);
        }
        let state = record.state();
        if state == event.to {
            self.refine(at, &record, event);
            return Applied::Known;
        }
        if begins(event) && record.is_idle() {
            self.change(at, event.to, When::Exact(event.at), event.source, None, out);
            self.explain(at, event);
            return Applied::Told;
        }
        let from = event.from.unwrap_or(state);
        if from != state && self.is_stale(&record, event) {
            return Applied::Known;
        }
        if begins(event) || !can_become(state, from) {
            self.settle_now(at, out);
            let when = until(self.times.last_known(&record), event.at);
            self.finish(at, when, event.source, Some(Reason::TupleReused), out);
            return self.open(event, Record::bare(&event.identity, event.to), out);
        }
        self.settle_early(at, from, out);
        self.bridge(at, from, event, out);
        self.change(at, event.to, When::Exact(event.at), event.source, None, out);
        self.explain(at, event);
        Applied::Told
    }

    /// Opens a socket that is not known: it comes into being, or into sight.
    fn open(
        &mut self,
        event: &ExactEvent,
        mut record: Record,
        out: &mut TransitionSink<'_>,
    ) -> Applied {
        if record.is_partial() && !record.lacks_port() {
            return Applied::Vague;
        }
        if !begins(event) && self.is_told(event, &record) {
            return Applied::Known;
        }
        let (from, when) = (event.from, When::Exact(event.at));
        let change = RecordChange {
            kind: TransitionKind::Opened,
            from,
            to: event.to,
            when,
            source: event.source,
            reason: None,
        };
        self.tell(&record, change, out);
        record.since = Since::exactly(event.at, self.times.epoch);
        let at = self.ring.push(record);
        self.index.add(&self.ring, at);
        if record.lacks_port() {
            self.add_partial(at);
        }
        Applied::Told
    }

    /// Tells whether the event explains how a socket came that this look found.
    fn begins_finding(&mut self, at: u32, record: &Record, event: &ExactEvent) -> bool {
        let end = self.times.end;
        self.finding(at).is_some_and(|found| {
            found.finding == LookFinding::Opened
                && event.at <= end
                && (!record.is_tcp() || can_become(event.to, found.observed()))
        })
    }

    /// Tells the event that the row was ahead of; the way from there to what the
    /// row showed stays to be explained.
    fn open_found(&mut self, at: u32, event: &ExactEvent, out: &mut TransitionSink<'_>) -> Applied {
        let Some(record) = self.ring.get(at).copied() else { return Applied::Known };
        let (from, when) = (event.from, When::Exact(event.at));
        let change = RecordChange {
            kind: TransitionKind::Opened,
            from,
            to: event.to,
            when,
            source: event.source,
            reason: None,
        };
        self.tell(&record, change, out);
        let epoch = self.times.epoch;
        if let Some(record) = self.ring.get_mut(at) {
            record.set_state_only(event.to);
            record.since = Since::exactly(event.at, epoch);
        }
        if let Some(found) = self.finding(at) {
            found.finding = LookFinding::Changed;
        }
        self.explain(at, event);
        Applied::Told
    }

    /// Applies the end of a full socket that is known.
    fn end_known(&mut self, at: u32, event: &ExactEvent, out: &mut TransitionSink<'_>) -> Applied {
        let Some(record) = self.ring.get(at).copied() else { return Applied::Known };
        let from = event.from.unwrap_or(record.state());
        if let Some(found) = self.finding(at).copied()
            && found.finding == LookFinding::Changed
            && found.mini
        {
            // The row shows the minisocket that the event made.
            self.bridge(at, from, event, out);
            let when = self.when_of(&record, event);
            self.change(at, found.observed(), when, event.source, None, out);
            if let Some(record) = self.ring.get_mut(at) {
                record.set(Flag::Mini, true);
            }
            self.close_finding(at);
            return Applied::Told;
        }
        if record.has(Flag::Mini) {
            self.refine(at, &record, event);
            return Applied::Known;
        }
        if from != record.state()
            && !record.is_idle()
            && (self.is_stale(&record, event) || !can_become(record.state(), from))
        {
            return Applied::Known;
        }
        self.settle_early(at, from, out);
        self.bridge(at, from, event, out);
        self.close_finding(at);
        let from = self.ring.get(at).map_or(from, Record::state);
        if !record.is_tcp() || !may_go_on(event.source, from) {
            let when = self.when_of(&record, event);
            self.finish(at, when, event.source, None, out);
            return Applied::Told;
        }
        let Some(record) = self.ring.bury(at) else { return Applied::Known };
        self.departed.note(&record, event.at);
        let when = self.when_of(&record, event);
        let number = self.haunt(Ghost::new(record, when, event.source, false), out);
        Applied::Asks(Ticket(QuestionSubject::Ghost(number)))
    }

    /// Applies the end of a socket that is not known: told before, or never seen.
    fn end_unknown(
        &mut self,
        event: &ExactEvent,
        record: Record,
        out: &mut TransitionSink<'_>,
    ) -> Applied {
        if self.is_told(event, &record) {
            return Applied::Known;
        }
        let (from, source) = (event.from, event.source);
        let when = if event.tells_when() {
            When::Exact(event.at)
        } else {
            until(self.times.lacked_at(&record).unwrap_or_default(), event.at)
        };
        let change = RecordChange {
            kind: TransitionKind::Passed,
            from,
            to: event.to,
            when,
            source,
            reason: None,
        };
        self.tell(&record, change, out);
        let last = event.from.unwrap_or(State::FinWait2);
        if record.is_tcp() && record.has_peer() && may_go_on(source, last) {
            let mut record = record;
            record.set_state_only(last);
            self.haunt(Ghost::new(record, when, source, true), out);
        }
        Applied::Told
    }

    /// Returns the time at which a known socket ended by an event's word.
    pub(super) fn when_of(&self, record: &Record, event: &ExactEvent) -> When {
        if event.tells_when() {
            When::Exact(event.at)
        } else {
            until(self.times.last_known(record), event.at)
        }
    }

    /// Tells whether the event is about a socket whose end was told. Destruction
    /// may come at any time after the end.
    fn is_told(&self, event: &ExactEvent, record: &Record) -> bool {
        if self.traced && event.source == Source::Destroy && record.is_tcp() {
            // The tracepoint tells of every TCP socket, and has told of this
            // one under ends that the multicast does not have any more.
            return true;
        }
        let gone = self.departed.of(record);
        gone.is_some_and(|gone| !event.tells_when() || event.at <= gone)
    }

    /// Tells the ends that were held back of sockets with these ends, before
    /// something else begins with them.
    pub(super) fn lay_ghosts(&mut self, record: &Record, out: &mut TransitionSink<'_>) {
        if self.departed.of(record).is_none() {
            return;
        }
        self.departed.forget(record);
        for number in self.ghosts.numbers() {
            if self.ghosts.get(number).is_some_and(|g| g.record.same_ends_loosely(record)) {
                self.tell_ghost(number, out);
                self.ghosts.remove(number);
            }
        }
    }

    fn haunt(&mut self, ghost: Ghost, out: &mut TransitionSink<'_>) -> u32 {
        let (number, crowded_out) = self.ghosts.add(ghost);
        if let Some(ghost) = crowded_out.filter(|ghost| !ghost.told) {
            self.tell_end_of(&ghost, out);
        }
        number
    }

    /// Settles first a finding about the socket that is older than what the event
    /// begins with.
    fn settle_early(&mut self, at: u32, from: State, out: &mut TransitionSink<'_>) {
        let leads_there = self.finding(at).is_some_and(|f| f.finding == LookFinding::Changed)
            && self.ring.get(at).map(Record::state) == Some(from);
        // Otherwise the event itself leads there, or past it.
        if !leads_there {
            self.settle_now(at, out);
        }
    }

    fn settle_now(&mut self, at: u32, out: &mut TransitionSink<'_>) {
        let Some(found) = self.finding(at).copied() else { return };
        match found.finding {
            LookFinding::Opened => self.settle_opened(&found, out),
            LookFinding::Changed => self.settle_changed(&found, out),
            LookFinding::Missing | LookFinding::Done => return,
        }
        self.close_finding(at);
    }

    /// Tells the change, lost meanwhile, from the known state to the one that an
    /// event begins with.
    fn bridge(&mut self, at: u32, from: State, event: &ExactEvent, out: &mut TransitionSink<'_>) {
        let Some(record) = self.ring.get(at).copied() else { return };
        if record.state() != from && !(record.is_idle() && from == State::Close) {
            let when = until(self.times.last_known(&record), event.at);
            self.change(at, from, when, event.source, Some(Reason::AfterLoss), out);
        }
    }

    /// Closes the finding that the event explains: it leads to what a row showed,
    /// or away from it.
    fn explain(&mut self, at: u32, event: &ExactEvent) {
        let Some(found) = self.finding(at).filter(|f| f.finding == LookFinding::Changed) else {
            return;
        };
        let passed = found.observed() == event.to || Some(found.observed()) == event.from;
        // Only the end of the full socket leads to a minisocket.
        if passed && !found.mini {
            found.finding = LookFinding::Done;
        }
    }

    pub(super) fn close_finding(&mut self, at: u32) {
        if let Some(found) = self.finding(at) {
            found.finding = LookFinding::Done;
        }
    }

    /// Narrows the time of a change that was counted already: the event knows
    /// better when it was.
    fn refine(&mut self, at: u32, record: &Record, event: &ExactEvent) {
        let min = record.since.min(self.times.epoch);
        let within =
            min.is_none_or(|min| min <= event.at) && event.at <= record.since.max(self.times.epoch);
        let epoch = self.times.epoch;
        if within
            && event.source == Source::Tracepoint
            && let Some(record) = self.ring.get_mut(at)
        {
            record.since = Since::exactly(event.at, epoch);
        }
    }

    /// Tells whether the record is ahead of the event already.
    fn is_stale(&self, record: &Record, event: &ExactEvent) -> bool {
        !record.since.is_exact()
            && event.at <= record.since.max(self.times.epoch)
            && event.to != State::Close
            && can_become(event.to, record.state())
    }
}

/// Tells whether the end of a full socket can be a hand-over. The tracepoint
/// tells every state, so only the last one counts; destruction tells none.
fn may_go_on(source: Source, from: State) -> bool {
    match source {
        Source::Tracepoint => is_edge(from, State::TimeWait),
        Source::Destroy | Source::Poll => may_hand_over(from),
    }
}
