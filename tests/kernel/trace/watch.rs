//! A tracer with chains behind it, and what the two have seen.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use sockstate::testing::chain::{Chains, Exact, ExactChange, ExactEnd, Remark};
use sockstate::testing::sys::clock::monotonic_ns;
use sockstate::testing::sys::perf::{Drained, TraceOptions, Tracer};

use super::open;
use crate::kit::{Disturbed, Result};

/// What a tracer saw of the sockets with one port.
#[derive(Default)]
pub struct Seen {
    pub all: Vec<Exact>,
    pub lost: u64,
    pub late: usize,
}

impl Seen {
    /// Changes with `port` on either end, by socket, each in the order given.
    pub fn by_chain(&self, port: u16) -> BTreeMap<u64, Vec<ExactChange>> {
        let mut chains: BTreeMap<u64, Vec<ExactChange>> = BTreeMap::new();
        for exact in &self.all {
            if let Exact::Change(change) = exact
                && [change.ends.local.port, change.ends.remote.port].contains(&port)
            {
                chains.entry(change.chain).or_default().push(*change);
            }
        }
        chains
    }

    pub fn end_of(&self, chain: u64) -> Option<ExactEnd> {
        self.all.iter().find_map(|exact| match exact {
            Exact::End(end) if end.chain == Some(chain) => Some(*end),
            _ => None,
        })
    }

    pub fn has_remark(&self, chain: u64, wanted: Remark) -> bool {
        self.all.iter().any(|exact| match exact {
            Exact::Note(note) => note.chain == Some(chain) && note.remark == wanted,
            _ => false,
        })
    }
}

/// A tracer and what it has seen.
pub struct Watch {
    pub tracer: Tracer,
    pub chains: Chains,
    pub drained: Drained,
    pub seen: Seen,
    newest_ns: u64,
}

impl Watch {
    pub fn new(options: &TraceOptions) -> Result<Watch> {
        Ok(Watch {
            tracer: open(options)?,
            chains: Chains::default(),
            drained: Drained::default(),
            seen: Seen::default(),
            newest_ns: 0,
        })
    }

    /// One drain, with what it must always keep to.
    pub fn drain(&mut self, timeout: Duration) -> Result<()> {
        self.tracer.drain(timeout, &mut self.drained)?;
        self.take()
    }

    fn take(&mut self) -> Result<()> {
        let events = &self.drained.events;
        ensure!(events.is_sorted_by_key(|event| event.at_ns), "not in the order of time");
        ensure!(events.last().is_none_or(|last| last.at_ns <= monotonic_ns()), "in the future");
        if let Some(first) = events.first() {
            let late = first.at_ns < self.newest_ns;
            ensure!(late == (self.drained.late > 0), "{} late", self.drained.late);
        }
        self.newest_ns =
            events.last().map_or(self.newest_ns, |last| last.at_ns.max(self.newest_ns));
        self.chains.feed(events, &mut self.seen.all);
        self.seen.lost += self.drained.lost;
        self.seen.late += self.drained.late;
        Ok(())
    }

    /// Drains until everything that has happened is handed out, and stops.
    pub fn finish(mut self) -> Result<Seen> {
        let now = monotonic_ns();
        while self.tracer.complete_ns() < now {
            self.drain(Duration::from_millis(10))?;
        }
        if self.seen.lost > 0 {
            return Err(Disturbed(format!("{} events lost", self.seen.lost)).into());
        }
        Ok(self.seen)
    }
}
