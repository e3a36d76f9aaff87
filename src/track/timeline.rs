//! When the tables were looked at: what bounds the time of a change that two looks show.

use crate::model::moment::Moment;

use super::event::Complete;
use super::pending::RowAge;
use super::record::{Flag, Record};
use super::since::Epoch;

/// The phase of a tracker between one look and the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// There was no look yet.
    #[default]
    Never,
    /// Nothing is open.
    Settled,
    /// Rows are coming in.
    Reading,
    /// The rows are in, the findings not told.
    Seen,
}

/// The look that is being read or was read last, and what is known of those before.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) begin: Moment,
    pub(super) end: Moment,
    pub(super) phase: Phase,
    /// The zero of all times that are kept.
    pub(super) epoch: Epoch,
    /// The first moment heard of.
    first: Option<Moment>,
    /// Begin of the look before.
    previous: Option<Moment>,
    /// Begin of the last complete look at each table.
    covered: [Option<Moment>; 8],
    /// The same as it was before the present look.
    floors: [Option<Moment>; 8],
}

impl Timeline {
    /// Fixes the zero of all times at the first moment that is heard of.
    pub(super) fn start(&mut self, at: Moment) {
        if self.first.is_none() {
            self.first = Some(at);
            self.epoch = Epoch::starting(at);
        }
    }

    /// Begins a look.
    pub(super) fn begin(&mut self, at: Moment) {
        self.start(at);
        if self.phase != Phase::Never {
            self.previous = Some(self.begin);
        }
        (self.begin, self.end, self.phase) = (at, at, Phase::Reading);
        self.floors = self.covered;
    }

    /// Ends the reading of a look.
    pub(super) fn end(&mut self, at: Moment) {
        self.phase = Phase::Seen;
        self.end = at.max(self.begin);
    }

    /// Notes the tables that this look read without a gap.
    pub(super) fn cover(&mut self, complete: Complete) {
        for table in 0..self.covered.len() {
            if complete.covers(table) {
                self.covered[table] = Some(self.begin);
            }
        }
    }

    /// Tells whether this look read the table of a record without a gap.
    pub(super) fn covers(&self, record: &Record) -> bool {
        self.covered.get(record.table_index()) == Some(&Some(self.begin))
    }

    /// Returns the begin of the last complete look before this one at a record's table.
    pub(super) fn floor(&self, record: &Record) -> Option<Moment> {
        self.floors.get(record.table_index()).copied().flatten()
    }

    /// Returns when the state began in which a row was seen for the first time: after
    /// the last complete look at its table, as that one lacked it.
    pub(super) fn bounds_of_opening(
        &self,
        record: &Record,
        age: RowAge,
    ) -> (Option<Moment>, Moment) {
        let (min, max) = age.began(self.begin, self.end);
        (min.max(self.floor(record)).map(|min| min.min(max)), max)
    }

    /// Returns the begin of the last complete look that lacked the socket of an event
    /// and cannot be later than the event: while a look is not settled, those that came
    /// before it are being told.
    pub(super) fn lacked_at(&self, record: &Record) -> Option<Moment> {
        let looks = if self.phase == Phase::Seen { &self.floors } else { &self.covered };
        looks.get(record.table_index()).copied().flatten().or(self.first)
    }

    /// Returns before what an event cannot have happened that tells of a socket: it was
    /// still seen in its state, or the state had not begun.
    pub(super) fn last_known(&self, record: &Record) -> Moment {
        let seen = match self.phase {
            Phase::Settled if !record.has(Flag::Unseen) => Some(self.begin),
            _ if record.has(Flag::Unseen) => self.first,
            _ => self.previous.or(self.first),
        };
        seen.max(record.since.min(self.epoch)).unwrap_or_default()
    }

    /// Returns before what this look's findings cannot have happened; `unseen`: the look
    /// before lacked the socket too.
    pub(super) fn earliest(&self, record: &Record, unseen: bool) -> Moment {
        let looked = if unseen { self.first } else { self.previous.or(self.first) };
        looked.max(record.since.min(self.epoch)).unwrap_or_default()
    }
}
