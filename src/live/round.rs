//! One round: a look with the rules' verdict.

use std::sync::Arc;

use jiff::Timestamp;

use crate::model::proto::{Proto, TableId};
use crate::model::snapshot::{Snapshot, StateCounts};
use crate::model::table::Table;
use crate::model::want::Extras;
use crate::rules::Needs;
use crate::source::Report;
use crate::survey::{PortsView, Top};
use crate::sys::clock::ClockPair;

use super::judge::Judged;

/// The content of a round beyond what the rules need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The facts that each row must carry.
    pub extras: Extras,
    /// The parts to be looked at, whether or not a rule needs them.
    pub needs: Needs,
    /// True where the counts of all tables and the worst offenders are wanted.
    pub tally: bool,
    /// True where the rows are wanted.
    pub rows: bool,
    /// True where the budgets of ephemeral ports are wanted.
    pub ports: bool,
}

impl Wishes {
    /// Nothing beside what the rules need.
    pub const NOTHING: Self = Self {
        extras: Extras { tcp_info: false, memory: false, congestion: false, tos: false },
        needs: Needs::NONE,
        tally: false,
        rows: false,
        ports: false,
    };
}

/// One round.
pub struct Round {
    /// The clocks of its times.
    pub clocks: ClockPair,
    /// The time at which it began, nanoseconds by `CLOCK_MONOTONIC`.
    pub begun_ns: u64,
    /// The time that it took, nanoseconds.
    pub took_ns: u64,
    /// The time at which the watch began, by the wall clock: the times of alerts
    /// count from there.
    pub started: Timestamp,
    /// The time at which the round began, in milliseconds since then, those
    /// included in which the machine slept.
    pub at_ms: u64,
    /// The tables that were asked for.
    pub tables: Vec<TableId>,
    /// What the rules saw, owners among it.
    pub snapshot: Arc<Snapshot>,
    /// UDP sockets per state.
    pub udp: StateCounts,
    /// Raw sockets per state.
    pub raw: StateCounts,
    /// Unix sockets per state.
    pub unix: StateCounts,
    /// The worst offenders, where they were wished for.
    pub top: Vec<Top>,
    /// Every row, where they were wished for.
    pub table: Table,
    /// The budgets of ephemeral ports, where they were wished for.
    pub ports: Option<PortsView>,
    /// The rules' verdict.
    pub judged: Judged,
    /// The sources that served it; its gaps are all gaps.
    pub report: Report,
}

impl Round {
    /// Returns how many sockets of a protocol are in each state; `None` where
    /// nobody asked, or nobody could tell.
    pub fn counts(&self, proto: Proto) -> Option<&StateCounts> {
        let counts = match proto {
            Proto::Tcp => &self.snapshot.tcp,
            Proto::Udp => &self.udp,
            Proto::Raw => &self.raw,
            Proto::Unix => &self.unix,
            _ => return None,
        };
        let is_asked = self.tables.iter().any(|table| table.proto == proto);
        let mut served = self.report.served.iter();
        (is_asked && served.any(|served| served.table.proto == proto)).then_some(counts)
    }

    /// Returns how many sockets all tables have.
    pub fn total(&self) -> u64 {
        [&self.snapshot.tcp, &self.udp, &self.raw, &self.unix].map(StateCounts::total).iter().sum()
    }
}
