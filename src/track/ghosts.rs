//! Sockets whose end was told, by an event, before it was clear what follows.
//!
//! The kernel hands a closing connection over to a minisocket in the moment in
//! which its full socket becomes CLOSE (`tcp_time_wait`, then `tcp_done`). No
//! event tells the hand-over from a plain end: an exact request does, or the
//! next dump.

use std::collections::VecDeque;

use crate::model::moment::{Moment, When};
use crate::model::state::State;
use crate::model::transition::Source;

use super::record::Record;

/// More than these are not remembered: the oldest goes.
const MOST: usize = 65_536;

#[derive(Clone, Copy, Debug)]
pub(super) struct Ghost {
    pub(super) record: Record,
    /// The time at which the full socket ended, at the latest …
    pub(super) at: Moment,
    /// … and not before this.
    not_before: Moment,
    pub(super) source: Source,
    /// True once the end has been told as a change to CLOSE.
    pub(super) told: bool,
    done: bool,
}

impl Ghost {
    pub(super) fn new(record: Record, when: When, source: Source, told: bool) -> Self {
        let (at, not_before) = (when.max(), when.min());
        Self { record, at, not_before, source, told, done: false }
    }

    /// Returns the time at which the full socket ended.
    pub(super) fn ended(&self) -> When {
        match self.source {
            Source::Tracepoint => When::Exact(self.at),
            _ => When::Between { min: self.not_before, max: self.at },
        }
    }

    /// Tells whether a hand-over to `state` happened in the moment of the event:
    /// it did where the event is the last change of the full socket. A destroyed
    /// socket can have been in TIME_WAIT long before its descriptor was closed.
    pub(super) fn hands_over_at_once(&self) -> bool {
        self.source == Source::Tracepoint
    }

    pub(super) fn state(&self) -> State {
        self.record.state()
    }
}

/// All of them, oldest first; a number stays valid while its ghost is here.
#[derive(Debug, Default)]
pub(super) struct Ghosts {
    queue: VecDeque<Ghost>,
    first: u32,
}

impl Ghosts {
    /// Keeps one and returns its number; and the oldest where there are too many.
    pub(super) fn add(&mut self, ghost: Ghost) -> (u32, Option<Ghost>) {
        self.queue.push_back(ghost);
        let number = self.first.wrapping_add(self.queue.len() as u32 - 1);
        let crowded = if self.queue.len() > MOST { self.queue.pop_front() } else { None };
        if crowded.is_some() {
            self.first = self.first.wrapping_add(1);
        }
        (number, crowded.filter(|ghost| !ghost.done))
    }

    pub(super) fn get(&self, number: u32) -> Option<&Ghost> {
        self.queue.get(number.wrapping_sub(self.first) as usize).filter(|ghost| !ghost.done)
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Ghost> {
        let at = number.wrapping_sub(self.first) as usize;
        self.queue.get_mut(at).filter(|ghost| !ghost.done)
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, number: u32) -> Option<Ghost> {
        let ghost = self.get_mut(number)?;
        ghost.done = true;
        Some(*ghost)
    }

    /// Returns the numbers of all.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        let first = self.first;
        (0..self.queue.len() as u32).map(move |at| first.wrapping_add(at))
    }

    /// Frees those at the front that were taken out.
    pub(super) fn trim(&mut self) {
        while self.queue.front().is_some_and(|ghost| ghost.done) {
            self.queue.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        self.queue.shrink_to(self.queue.len() * 2);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Ghost> {
        self.queue.iter().filter(|ghost| !ghost.done)
    }
}
