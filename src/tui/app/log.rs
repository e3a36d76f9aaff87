//! What happened, as long as there is room for it, and what of it the filter
//! lets through.

use std::collections::VecDeque;

use crate::alert::AlertChange;
use crate::model::gap::Gap;
use crate::model::transition::Transition;
use crate::tui::log_filter::LogFilter;

/// Entries kept for the Events tab and for details.
pub const LOG: usize = 10_000;

/// An entry of the log.
#[derive(Clone, Debug)]
pub enum LogEntry {
    /// A transition; when it was, as text.
    Transition(Box<Transition>, String),
    /// Something that may have been missed.
    Gap(Gap, String),
    /// An alert that began or ended.
    Alert(AlertChange, String),
}

impl LogEntry {
    /// Returns whether it may be of another network namespace.
    fn is_foreign(&self) -> bool {
        matches!(self, Self::Transition(change, _) if !change.is_local())
    }
}

/// An entry, its number in time, and whether it is shown.
#[derive(Debug)]
struct Noted {
    number: u64,
    entry: LogEntry,
    passes: bool,
}

/// The log. What may be of other namespaces has a queue of its own: a busy
/// neighbour must not push out what happened here, nor the other way round.
#[derive(Debug, Default)]
pub struct Log {
    own: VecDeque<Noted>,
    foreign: VecDeque<Noted>,
    /// The number of the next entry.
    next: u64,
    filter: LogFilter,
}

impl Log {
    /// Adds an entry; says whether it is shown.
    pub fn add(&mut self, entry: LogEntry) -> bool {
        let passes = passes(&self.filter, &entry);
        let queue = if entry.is_foreign() { &mut self.foreign } else { &mut self.own };
        queue.push_back(Noted { number: self.next, entry, passes });
        self.next += 1;
        if self.own.len() + self.foreign.len() > LOG {
            // Each has half of the room for certain.
            let larger = self.own.len().max(self.foreign.len());
            let queue = [&mut self.foreign, &mut self.own].into_iter().find(|q| q.len() == larger);
            drop(queue.and_then(VecDeque::pop_front));
        }
        passes
    }

    /// Shows what another filter lets through.
    pub fn refilter(&mut self, filter: &LogFilter) {
        if self.filter.is(filter) {
            return;
        }
        for noted in self.own.iter_mut().chain(&mut self.foreign) {
            noted.passes = passes(filter, &noted.entry);
        }
        self.filter = filter.clone();
    }

    /// Returns the number that the next entry will have.
    pub fn end(&self) -> u64 {
        self.next
    }

    /// Returns the entries before a number, the newest first.
    pub fn before(&self, end: u64) -> impl Iterator<Item = &LogEntry> {
        self.noted(end).map(|noted| &noted.entry)
    }

    /// Returns those among them that are shown.
    pub fn shown_before(&self, end: u64) -> impl Iterator<Item = &LogEntry> {
        self.noted(end).filter(|noted| noted.passes).map(|noted| &noted.entry)
    }

    /// Returns how many are shown from a number on.
    pub fn shown_since(&self, start: u64) -> usize {
        let newer = self.noted(self.next).take_while(|noted| noted.number >= start);
        newer.filter(|noted| noted.passes).count()
    }

    /// Returns both queues in one, by number.
    fn noted(&self, end: u64) -> impl Iterator<Item = &Noted> {
        let mut own = self.own.iter().rev().peekable();
        let mut foreign = self.foreign.iter().rev().peekable();
        let both = std::iter::from_fn(move || {
            let number = |noted: &&Noted| noted.number;
            if own.peek().map(number) > foreign.peek().map(number) {
                own.next()
            } else {
                foreign.next()
            }
        });
        both.skip_while(move |noted| noted.number >= end)
    }
}

/// Returns whether an entry is shown: gaps always, since what was missed may be
/// what the filter selects; alerts are of no one socket.
fn passes(filter: &LogFilter, entry: &LogEntry) -> bool {
    match entry {
        LogEntry::Transition(change, _) => filter.passes(change),
        LogEntry::Gap(..) => true,
        LogEntry::Alert(..) => matches!(filter, LogFilter::All),
    }
}
