//! Findings of a look that are not told yet: events may still explain them better.

use crate::model::age::Age;
use crate::model::moment::{Moment, When};
use crate::model::row::Row;
use crate::model::state::State;
use crate::model::transition::Reason;

use super::record::{Flag, Record};

/// One tick of the kernel's clock at its slowest (HZ=100): ages are told in
/// whole ticks.
const TICK_MS: u64 = 10;
/// No age is known, or no bound.
const NO_AGE: u32 = u32::MAX;

/// The kind of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookFinding {
    /// A socket that was not there before.
    Opened,
    /// A known socket in another state; the record still has the one before.
    Changed,
    /// A known socket is not in the dump.
    Missing,
    /// Explained, by an event or an answer.
    Done,
}

/// A finding about one record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    /// The record's place in the ring.
    pub(super) at: u32,
    pub(super) finding: LookFinding,
    /// The kernel's number of the state that the row showed.
    observed: u8,
    pub(super) reason: Option<Reason>,
    /// The look before this one lacked the socket too.
    pub(super) unseen: bool,
    /// The row was a minisocket's.
    pub(super) mini: bool,
    /// Missing: it is believed without an answer.
    pub(super) believed: bool,
    age: RowAge,
}

impl Pending {
    /// Makes a finding about the row that `record`, as it was read, is of.
    pub(super) fn new(at: u32, finding: LookFinding, record: &Record, age: RowAge) -> Self {
        Self {
            at,
            finding,
            observed: record.state().number(),
            reason: None,
            unseen: false,
            mini: record.has(Flag::Mini),
            believed: false,
            age,
        }
    }

    pub(super) fn observed(&self) -> State {
        State::from_kernel(self.observed)
    }

    pub(super) fn age(&self) -> RowAge {
        self.age
    }
}

/// The bounds that a row itself proves for how long its state has lasted.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowAge {
    min_ms: u32,
    max_ms: u32,
}

impl RowAge {
    pub(super) const UNKNOWN: Self = Self { min_ms: NO_AGE, max_ms: NO_AGE };

    pub(super) fn of(row: &Row<'_>) -> Self {
        let Some(age) = Age::of(row) else { return Self::UNKNOWN };
        let narrow = |ms: u64| u32::try_from(ms).unwrap_or(NO_AGE);
        let max_ms = match row.socket.state {
            // The timer starts anew with every retransmitted FIN
            // (inet_twsk_reschedule): the state can be older than it tells.
            State::TimeWait => NO_AGE,
            _ => age.max_ms.map_or(NO_AGE, |ms| narrow(ms.saturating_add(TICK_MS))),
        };
        Self { min_ms: narrow(age.min_ms.saturating_sub(TICK_MS)), max_ms }
    }

    /// Returns the bounds of the time at which the state began, for a row read
    /// between `begin` and `end`: `None` below where nothing tells.
    pub(super) fn began(self, begin: Moment, end: Moment) -> (Option<Moment>, Moment) {
        let nanos = |ms: u32| u64::from(ms) * 1_000_000;
        let min = (self.max_ms != NO_AGE).then(|| begin.before(nanos(self.max_ms)));
        let max = if self.min_ms == NO_AGE { end } else { end.before(nanos(self.min_ms)) };
        (min, max)
    }

    /// Returns the part of `min..=max` in which the state can have begun. An age
    /// that contradicts what was seen is no proof.
    pub(super) fn tighten(self, min: Moment, max: Moment, begin: Moment, end: Moment) -> When {
        let (age_min, age_max) = self.began(begin, end);
        let tight = (age_min.map_or(min, |m| m.max(min)), age_max.min(max));
        let (min, max) = if tight.0 <= tight.1 { tight } else { (min, max.max(min)) };
        When::Between { min, max }
    }
}
