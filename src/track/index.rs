//! Finds a record by cookie or by its ends; made only when something asks.

use hashbrown::{DefaultHashBuilder, HashTable};

use super::record::Record;
use super::ring::Ring;

/// Places in the ring by cookie and by ends. Cleared by every look, because
/// every look moves the records.
#[derive(Debug, Default)]
pub(super) struct Index {
    cookies: IndexSide,
    ends: IndexSide,
    hasher: DefaultHashBuilder,
}

#[derive(Debug, Default)]
struct IndexSide {
    places: HashTable<u32>,
    built: bool,
}

/// Returns the hash of a cookie, unseeded: cookies are handed out by the kernel,
/// so nobody can aim for collisions.
#[inline]
pub(super) fn hash_cookie(cookie: u64) -> u64 {
    cookie.wrapping_mul(0xf135_7aea_2e62_a9c5).rotate_left(26)
}

impl Index {
    /// Forgets all places; the memory stays for the next time.
    pub(super) fn clear(&mut self) {
        for side in [&mut self.cookies, &mut self.ends] {
            side.places.clear();
            side.built = false;
        }
    }

    /// Returns the places of the records with a cookie.
    pub(super) fn by_cookie(&mut self, ring: &Ring, cookie: u64) -> impl Iterator<Item = u32> {
        self.cookies.build(ring, |record| (record.cookie != 0).then(|| hash_cookie(record.cookie)));
        let found = self.cookies.places.iter_hash(hash_cookie(cookie)).copied();
        found.filter(move |at| ring.get(*at).is_some_and(|r| cookie != 0 && r.cookie == cookie))
    }

    /// Returns the places of the records with the ends of `probe`, device and
    /// family aside.
    pub(super) fn by_ends(&mut self, ring: &Ring, probe: &Record) -> impl Iterator<Item = u32> {
        let hasher = &self.hasher;
        self.ends.build(ring, |record| Some(record.hash_ends(hasher)));
        let found = self.ends.places.iter_hash(probe.hash_ends(hasher)).copied();
        found.filter(|at| ring.get(*at).is_some_and(|r| r.same_ends_loosely(probe)))
    }

    /// Takes in a record that was added or that learned its ends.
    pub(super) fn add(&mut self, ring: &Ring, at: u32) {
        let Some(record) = ring.get(at) else { return };
        if record.cookie != 0 {
            self.cookies.add(hash_cookie(record.cookie), at, |at| {
                ring.get(at).map_or(0, |record| hash_cookie(record.cookie))
            });
        }
        let hasher = &self.hasher;
        self.ends.add(record.hash_ends(hasher), at, |at| {
            ring.get(at).map_or(0, |record| record.hash_ends(hasher))
        });
    }
}

impl IndexSide {
    fn build(&mut self, ring: &Ring, hash: impl Fn(&Record) -> Option<u64>) {
        if self.built {
            return;
        }
        self.built = true;
        let rehash = |at: &u32| ring.get(*at).and_then(&hash).unwrap_or(0);
        let hashes = || ring.iter().filter_map(|(at, record)| Some((at, hash(record)?)));
        self.places.reserve(ring.len(), rehash);
        for (at, hash) in hashes() {
            self.places.insert_unique(hash, at, rehash);
        }
    }

    fn add(&mut self, hash: u64, at: u32, rehash: impl Fn(u32) -> u64) {
        if self.built {
            self.places.insert_unique(hash, at, |at| rehash(*at));
        }
    }
}
