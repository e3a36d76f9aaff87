//! All records in dump order, in one ring: the last look in front, the present
//! one behind it.
//!
//! A dump comes in nearly the same order each time: rows are displaced by two
//! places at most under churn. So the row just read is nearly always the one
//! at the front; it is taken there and put at the back, and one ring of
//! 64-byte records serves both generations. What a short window at the front
//! does not hold is left to [`super::join`], which finds everything in any
//! order.

use std::collections::VecDeque;

use super::record::{Flag, Record};

/// The distance ahead in which a row is looked for: the bits of `taken`.
const WINDOW: usize = 32;
/// The number of places that a row may come late before it is taken for gone.
const PATIENCE: usize = 8;
/// After this many unknown rows in a row the order is taken for lost.
const STREAK: u32 = 16;

#[derive(Debug, Default)]
pub(super) struct Ring {
    records: VecDeque<Record>,
    /// The number of records at the front that are of the last look.
    old: usize,
    /// A bit for each of the first [`WINDOW`] records that has been found again.
    taken: u32,
    /// The number of records that left the front during this look.
    popped: usize,
    strangers: u32,
    /// The number of tombstones.
    dead: usize,
    /// The new places of records that no row claimed.
    leftovers: Vec<u32>,
}

impl Ring {
    /// Begins a look: all present records become old.
    pub(super) fn begin(&mut self) {
        self.old = self.records.len();
        self.taken = 0;
        self.popped = 0;
        self.strangers = 0;
        self.leftovers.clear();
    }

    /// Takes out the old record of the socket that `row` shows.
    #[inline]
    pub(super) fn take(&mut self, row: &Record) -> Option<Record> {
        for at in 0..self.old.min(WINDOW) {
            if self.taken >> at & 1 == 1 {
                continue;
            }
            let record = self.records.get(at)?;
            if record.is_same(row) && !record.has(Flag::Dead) {
                let found = *record;
                self.taken |= 1 << at;
                self.strangers = 0;
                self.advance(at.saturating_sub(PATIENCE));
                return Some(found);
            }
        }
        self.strangers += 1;
        if self.strangers >= STREAK {
            // All old rows here may be gone: have a look further on.
            self.strangers = 0;
            self.advance(WINDOW);
        }
        None
    }

    /// Gives up `overdue` records at the front, then drops what is done with.
    #[inline]
    fn advance(&mut self, overdue: usize) {
        for _ in 0..overdue.min(self.old) {
            self.shift();
        }
        while self.old > 0 && (self.taken & 1 == 1 || self.front_is_dead()) {
            self.shift();
        }
    }

    fn front_is_dead(&self) -> bool {
        self.records.front().is_some_and(|record| record.has(Flag::Dead))
    }

    #[inline]
    fn shift(&mut self) {
        let claimed = self.taken & 1 == 1;
        self.taken >>= 1;
        self.old -= 1;
        self.popped += 1;
        let Some(record) = self.records.pop_front() else { return };
        if record.has(Flag::Dead) {
            self.dead -= 1;
        } else if !claimed {
            let place = self.push(record);
            self.leftovers.push(place);
        }
    }

    /// Adds a record at the back; its place counts from where the look began.
    #[inline]
    pub(super) fn push(&mut self, record: Record) -> u32 {
        if self.records.len() == self.records.capacity() {
            // Doubling would cost a quarter of the memory on average.
            self.records.reserve_exact(64.max(self.records.len() / 8));
        }
        self.records.push_back(record);
        (self.popped + self.records.len() - 1) as u32
    }

    /// Ends the look: from now on a place is an index. Returns how much is to be
    /// taken off places told before, and where those records are that no row
    /// claimed.
    pub(super) fn finish(&mut self) -> (u32, Vec<u32>) {
        self.advance(self.old);
        let base = std::mem::take(&mut self.popped) as u32;
        let mut leftovers = std::mem::take(&mut self.leftovers);
        leftovers.iter_mut().for_each(|place| *place -= base);
        let len = self.records.len();
        if self.records.capacity() > len + len / 2 + 64 {
            self.records.shrink_to(len + len / 8);
        }
        (base, leftovers)
    }

    /// Returns the record at an index, unless it is a tombstone.
    pub(super) fn get(&self, at: u32) -> Option<&Record> {
        self.records.get(at as usize).filter(|record| !record.has(Flag::Dead))
    }

    /// Returns the record at an index, unless it is a tombstone.
    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut Record> {
        self.records.get_mut(at as usize).filter(|record| !record.has(Flag::Dead))
    }

    /// Makes a tombstone of the record at an index.
    pub(super) fn bury(&mut self, at: u32) -> Option<Record> {
        let record = self.get_mut(at)?;
        record.set(Flag::Dead, true);
        let buried = *record;
        self.dead += 1;
        Some(buried)
    }

    /// Returns the number of records, less the tombstones.
    pub(super) fn len(&self) -> usize {
        self.records.len() - self.dead
    }

    /// Returns every record that is no tombstone, with its index.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Record)> {
        let indexed = self.records.iter().enumerate().map(|(at, record)| (at as u32, record));
        indexed.filter(|(_, record)| !record.has(Flag::Dead))
    }
}
