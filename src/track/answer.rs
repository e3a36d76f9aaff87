//! Questions to the kernel, and what its answers change.

use crate::model::moment::{Moment, When};
use crate::model::row::Row;
use crate::model::transition::{Reason, Source};

use super::event::{Answer, Ask, Question, QuestionSubject, Ticket};
use super::pending::{LookFinding, Pending, RowAge};
use super::record::{Flag, Record};
use super::timeline::Phase;
use super::{Tracker, TransitionSink};

impl Tracker {
    /// Returns what should be confirmed before it is believed: sockets that the
    /// snapshot did not list, between `end` and `settle`; full sockets that ended
    /// and may go on as minisockets, until the next `begin`.
    pub fn questions(&self) -> impl Iterator<Item = Question> {
        let open =
            |p: &&Pending| p.finding == LookFinding::Missing && !(p.believed && p.reason.is_some());
        let rows = self.pending.iter().filter(open).filter_map(|pending| {
            Some(question(QuestionSubject::Row(pending.at), self.ring.get(pending.at)?))
        });
        let ghosts = self.ghosts.numbers().filter_map(|number| {
            let ghost = self.ghosts.get(number).filter(|ghost| !ghost.told)?;
            Some(question(QuestionSubject::Ghost(number), &ghost.record))
        });
        rows.chain(ghosts)
    }

    /// Returns the question that a ticket names, while it is open.
    pub fn question(&self, ticket: Ticket) -> Option<Question> {
        let record = match ticket.0 {
            QuestionSubject::Row(at) => {
                let found = self.pending.binary_search_by_key(&at, |pending| pending.at).ok()?;
                self.pending.get(found).filter(|p| p.finding == LookFinding::Missing)?;
                self.ring.get(at)?
            }
            QuestionSubject::Ghost(number) => {
                &self.ghosts.get(number).filter(|ghost| !ghost.told)?.record
            }
        };
        Some(question(ticket.0, record))
    }

    /// Takes the answer to a question, given at `now`.
    ///
    /// A row that is another socket (a request without a cookie gives the
    /// listener of the port) means that the one asked for is gone.
    pub fn answer(
        &mut self,
        ticket: Ticket,
        answer: Answer<'_>,
        now: Moment,
        out: &mut TransitionSink<'_>,
    ) {
        if self.times.phase == Phase::Reading {
            return;
        }
        match ticket.0 {
            QuestionSubject::Row(at) => self.answer_row(at, answer, now, out),
            QuestionSubject::Ghost(number) => self.answer_ghost(number, answer, now, out),
        }
    }

    fn answer_row(
        &mut self,
        at: u32,
        answer: Answer<'_>,
        now: Moment,
        out: &mut TransitionSink<'_>,
    ) {
        let Some(missing) = self.finding(at).filter(|p| p.finding == LookFinding::Missing) else {
            return;
        };
        if matches!(answer, Answer::Unknown) {
            return;
        }
        missing.finding = LookFinding::Done;
        let missing = *missing;
        let Some(record) = self.ring.get_mut(at) else { return };
        let row = match answer {
            Answer::Present(None) => None,
            Answer::Present(Some(row)) if is_row_of(record, row) => Some(row),
            _ => return self.end_missing(&missing, now, None, out),
        };
        record.set(Flag::Unseen, false);
        record.set(Flag::Missed, false);
        let Some(row) = row else { return };
        let mut new = Record::of(&row.socket);
        let observed = new.state();
        let changed = new.succeed(record);
        *record = new;
        if changed {
            let min = self.times.earliest(&new, missing.unseen);
            let when = RowAge::of(row).tighten(min, now, self.times.end, now);
            self.change(at, observed, when, Source::Poll, None, out);
        }
    }

    fn answer_ghost(
        &mut self,
        number: u32,
        answer: Answer<'_>,
        now: Moment,
        out: &mut TransitionSink<'_>,
    ) {
        let Some(ghost) = self.ghosts.get(number).filter(|ghost| !ghost.told).copied() else {
            return;
        };
        let row = match answer {
            Answer::Unknown | Answer::Present(None) => return self.tell_ghost(number, out),
            Answer::Present(Some(row)) if is_twin_of(&ghost.record, row) => row,
            _ => {
                self.tell_ghost(number, out);
                self.ghosts.remove(number);
                return;
            }
        };
        let new = Record::of(&row.socket);
        if !new.has(Flag::Mini) && ghost.record.cookie == 0 {
            // Without a cookie the answer may be the next connection.
            self.tell_ghost(number, out);
            self.ghosts.remove(number);
        } else if new.has(Flag::Mini) {
            let at = self.ring.push(new);
            self.index.add(&self.ring, at);
            self.hand_over(number, at, out);
        } else {
            // The full socket is alive: the events were about another
            // namespace's connection with the same ends.
            self.totals.contradicted += 1;
            self.ghosts.remove(number);
            self.departed.forget(&ghost.record);
            let observed = new.state();
            let mut restored = new;
            restored.succeed(&ghost.record);
            let at = self.ring.push(restored);
            self.index.add(&self.ring, at);
            let reason = Some(Reason::OtherNamespace);
            self.change(at, observed, until(ghost.at, now), Source::Poll, reason, out);
        }
    }

    /// Returns the open finding about the record at a place.
    pub(super) fn finding(&mut self, at: u32) -> Option<&mut Pending> {
        if self.times.phase != Phase::Seen {
            return None;
        }
        let found = self.pending.binary_search_by_key(&at, |pending| pending.at).ok()?;
        self.pending.get_mut(found).filter(|pending| pending.finding != LookFinding::Done)
    }
}

fn question(subject: QuestionSubject, record: &Record) -> Question {
    let ask = if record.is_connection() { Ask::Get } else { Ask::Dump };
    Question { ticket: Ticket(subject), ask, identity: record.identity() }
}

fn is_row_of(record: &Record, row: &Row<'_>) -> bool {
    let new = Record::of(&row.socket);
    record.is_same(&new) || record.is_same_weakly(&new)
}

/// Tells the same as [`is_row_of`], for events, which know neither device nor
/// family.
fn is_twin_of(record: &Record, row: &Row<'_>) -> bool {
    let new = Record::of(&row.socket);
    let cookies = record.cookie == new.cookie || record.cookie == 0 || new.cookie == 0;
    cookies && new.is_connection() && record.same_ends_loosely(&new)
}

/// Returns the time of an event, as it bounds what happened before it.
pub(super) fn until(min: Moment, max: Moment) -> When {
    When::Between { min: min.min(max), max }
}
