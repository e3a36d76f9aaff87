//! Matches what the window left over: old records that no row claimed with
//! rows that no old record explained.
//!
//! In any order, so nothing here rests on the dump's order being stable. The
//! sure matches come first: the same cookie and ends, then the same ends where
//! one side has no cookie, then the same cookie with other ends.

use hashbrown::{DefaultHashBuilder, HashTable};

use super::index::hash_cookie;
use super::pending::{LookFinding, Pending};
use super::record::{Flag, Record};
use super::ring::Ring;
use crate::model::transition::Reason;

/// The rows that no old record explained, to be looked up.
pub(super) struct Arrivals<'a> {
    ring: &'a mut Ring,
    rows: &'a mut [Pending],
    cookies: HashTable<u32>,
    ends: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// The outcome of the join for an old record.
pub(super) enum JoinOutcome {
    /// It is the row's socket; the row's record has its history now.
    Found,
    /// No row is this socket; the reason, where one is plain.
    Missing(Option<Reason>),
}

impl<'a> Arrivals<'a> {
    /// Counts rows that came twice and buries their records. A row is done
    /// with when its finding is not [`LookFinding::Opened`] any more. Without
    /// `by_ends` only rows without a cookie can be found by their ends.
    pub(super) fn new(ring: &'a mut Ring, rows: &'a mut [Pending], by_ends: bool) -> (Self, u64) {
        let hasher = DefaultHashBuilder::default();
        let with_cookie = |row: &&Pending| ring.get(row.at).is_some_and(|r| r.cookie != 0);
        let cookies = rows.iter().filter(with_cookie).count();
        let ends = if by_ends { rows.len() } else { rows.len() - cookies };
        let cookies = HashTable::with_capacity(cookies);
        let ends = HashTable::with_capacity(ends);
        let mut arrivals = Self { ring, rows, cookies, ends, hasher };
        let mut twice = 0;
        for row in 0..arrivals.rows.len() as u32 {
            twice += u64::from(!arrivals.enter(row, by_ends));
        }
        (arrivals, twice)
    }

    fn enter(&mut self, row: u32, by_ends: bool) -> bool {
        let Some(record) = self.record(row).copied() else { return true };
        if self.find(&record, |known| known.is_same(&record)).is_some() {
            self.drop_row(row);
            return false;
        }
        // Both tables have room for every row: nothing is ever rehashed.
        if record.cookie != 0 {
            self.cookies.insert_unique(hash_cookie(record.cookie), row, |_| 0);
        }
        if record.cookie == 0 || by_ends {
            self.ends.insert_unique(record.hash_ends(&self.hasher), row, |_| 0);
        }
        true
    }

    fn record(&self, row: u32) -> Option<&Record> {
        self.ring.get(self.rows.get(row as usize)?.at)
    }

    fn is_open(&self, row: u32) -> bool {
        self.rows.get(row as usize).is_some_and(|row| row.finding == LookFinding::Opened)
    }

    /// Finds an open row with the cookie of `key`, or without one with its ends.
    fn find(&self, key: &Record, matches: impl Fn(&Record) -> bool) -> Option<u32> {
        if key.cookie == 0 {
            self.find_by_ends(key, matches)
        } else {
            self.find_by_cookie(key.cookie, matches)
        }
    }

    fn find_by_cookie(&self, cookie: u64, matches: impl Fn(&Record) -> bool) -> Option<u32> {
        let fits = |row: &u32| {
            self.is_open(*row)
                && self
                    .record(*row)
                    .is_some_and(|record| record.cookie == cookie && matches(record))
        };
        self.cookies.find(hash_cookie(cookie), fits).copied()
    }

    fn find_by_ends(&self, key: &Record, matches: impl Fn(&Record) -> bool) -> Option<u32> {
        let fits = |row: &u32| self.is_open(*row) && self.record(*row).is_some_and(&matches);
        self.ends.find(key.hash_ends(&self.hasher), fits).copied()
    }

    /// Tells whether the old record at `at` is a connect() without its port.
    pub(super) fn lacks_port(&self, at: u32) -> bool {
        self.ring.get(at).is_some_and(Record::lacks_port)
    }

    /// Finds the row of the old record at `at`.
    pub(super) fn claim(&mut self, at: u32) -> Option<JoinOutcome> {
        let old = *self.ring.get(at)?;
        let same = self
            .find(&old, |row| old.is_same(row))
            .or_else(|| self.find_by_ends(&old, |row| old.is_same_weakly(row)));
        if let Some(row) = same {
            self.adopt(at, row);
            return Some(JoinOutcome::Found);
        }
        None
    }

    /// Finds out what became of an old record that [`Arrivals::claim`] did not
    /// find: its `struct sock` may have other ends now, its ends another socket.
    pub(super) fn explain(&mut self, at: u32) -> Option<JoinOutcome> {
        let old = *self.ring.get(at)?;
        if old.cookie != 0
            && let Some(row) = self.find_by_cookie(old.cookie, |_| true)
        {
            let now = *self.record(row)?;
            if !old.is_tcp() || old.is_idle() || now.is_idle() {
                self.adopt(at, row);
                return Some(JoinOutcome::Found);
            }
            self.note(row, Reason::SocketReused);
            return Some(JoinOutcome::Missing(Some(Reason::SocketReused)));
        }
        let successor = |row: &Record| row.is_connection() && row.same_ends(&old);
        if old.is_connection() && self.find_by_ends(&old, successor).is_some() {
            return Some(JoinOutcome::Missing(Some(Reason::TupleReused)));
        }
        Some(JoinOutcome::Missing(None))
    }

    /// Finds the open row that a record outside the ring has become; it is done
    /// with. The cookie passes to the minisocket only where a dump had made it
    /// before (`inet_twsk_alloc` copies what is there).
    pub(super) fn claim_minisocket(&mut self, old: &Record) -> Option<u32> {
        let matches = |row: &Record| {
            row.has(Flag::Mini)
                && (row.cookie == old.cookie || row.cookie == 0 || !old.has(Flag::Listed))
                && row.same_ends_loosely(old)
        };
        let row = self.find_by_ends(old, matches)?;
        self.finish_row(row)
    }

    /// Gives every connect() whose port was unknown an open row towards the
    /// same peer, any of them where there are several.
    pub(super) fn complete(&mut self, partials: &[u32]) {
        let mut by_peer = HashTable::with_capacity(partials.len());
        for at in partials {
            if let Some(partial) = self.ring.get(*at) {
                by_peer.insert_unique(partial.hash_remote(&self.hasher), *at, |_| 0);
            }
        }
        for row in 0..self.rows.len() as u32 {
            if by_peer.is_empty() {
                return;
            }
            let Some(record) = self.record(row).filter(|_| self.is_open(row)) else { continue };
            let fits = |at: &u32| self.ring.get(*at).is_some_and(|p| record.completes(p));
            if let Ok(found) = by_peer.find_entry(record.hash_remote(&self.hasher), fits) {
                let (at, _) = found.remove();
                self.adopt(at, row);
            }
        }
    }

    /// Compares the rows still open with the whole table: one may have come
    /// twice, or be the second life of a `struct sock`. Returns how many came
    /// twice.
    pub(super) fn sift(&mut self) -> u64 {
        let open: Vec<u32> = (0..self.rows.len() as u32).filter(|row| self.is_open(*row)).collect();
        if open.is_empty() {
            return 0;
        }
        let weak = open.iter().any(|row| self.record(*row).is_some_and(|r| r.cookie == 0));
        let mine: HashFilter =
            open.iter().filter_map(|row| Some(self.hash(self.record(*row)?))).collect();
        let mut found = Vec::new();
        for (at, known) in self.ring.iter().filter(|(_, known)| weak || known.cookie != 0) {
            if !mine.may_hold(self.hash(known)) {
                continue;
            }
            if let Some(row) = self.find(known, |row| known.cookie != 0 || known.is_same(row))
                && self.rows.get(row as usize).is_some_and(|row| row.at != at)
            {
                found.push((row, self.record(row).is_some_and(|row| known.is_same(row))));
            }
        }
        let mut twice = 0;
        for (row, same) in found {
            if same {
                self.drop_row(row);
                twice += 1;
            } else {
                self.note(row, Reason::SocketReused);
            }
        }
        twice
    }

    /// Returns the hash that [`Arrivals::find`] looks for.
    fn hash(&self, record: &Record) -> u64 {
        if record.cookie == 0 { record.hash_ends(&self.hasher) } else { hash_cookie(record.cookie) }
    }

    /// Hands the history of the old record at `at` over to the row's.
    fn adopt(&mut self, at: u32, row: u32) {
        let Some(old) = self.ring.bury(at) else { return };
        let Some(row) = self.rows.get_mut(row as usize) else { return };
        row.finding = LookFinding::Done;
        let Some(new) = self.ring.get_mut(row.at) else { return };
        if new.succeed(&old) {
            row.finding = LookFinding::Changed;
            row.unseen = old.has(Flag::Unseen);
        }
    }

    fn note(&mut self, row: u32, reason: Reason) {
        if let Some(row) = self.rows.get_mut(row as usize) {
            row.reason = Some(reason);
        }
    }

    fn drop_row(&mut self, row: u32) {
        if let Some(at) = self.finish_row(row) {
            self.ring.bury(at);
        }
    }

    fn finish_row(&mut self, row: u32) -> Option<u32> {
        let row = self.rows.get_mut(row as usize)?;
        row.finding = LookFinding::Done;
        Some(row.at)
    }
}

/// A set of hashes that errs on one side only: 64 bits for each.
struct HashFilter {
    words: Vec<u64>,
}

impl FromIterator<u64> for HashFilter {
    fn from_iter<I: IntoIterator<Item = u64>>(hashes: I) -> Self {
        let hashes: Vec<u64> = hashes.into_iter().collect();
        let mut filter = Self { words: vec![0; hashes.len().next_power_of_two()] };
        for hash in hashes {
            let (word, bit) = filter.place(hash);
            if let Some(word) = filter.words.get_mut(word) {
                *word |= bit;
            }
        }
        filter
    }
}

impl HashFilter {
    #[inline]
    fn place(&self, hash: u64) -> (usize, u64) {
        ((hash >> 6) as usize & (self.words.len() - 1), 1 << (hash & 63))
    }

    #[inline]
    fn may_hold(&self, hash: u64) -> bool {
        let (word, bit) = self.place(hash);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }
}
