//! Sockets whose end was told already: the kernel may tell it once more.
//!
//! A reset socket leaves the tables at once, its destruction is announced when
//! the descriptor is closed, which can be hours later. And an event can come
//! after the look that showed what it did.

use hashbrown::DefaultHashBuilder;
use rustc_hash::FxHashMap;

use crate::model::moment::Moment;

use super::record::Record;

/// Numbers kept in one half.
const HALF: usize = 32_768;

/// The last ones, at most twice [`HALF`], with the time by which they were
/// gone. A number stands for a socket: its cookie, or a hash of its ends.
#[derive(Debug, Default)]
pub(super) struct Departed {
    young: FxHashMap<u64, Moment>,
    old: FxHashMap<u64, Moment>,
    hasher: DefaultHashBuilder,
}

impl Departed {
    /// Remembers that the end of a socket is told, by all that a later word of it may
    /// have: its cookie, its ends.
    pub(super) fn note(&mut self, record: &Record, gone: Moment) {
        self.add(record.hash_ends(&self.hasher), gone);
        if record.cookie != 0 {
            self.add(record.cookie, gone);
        }
    }

    /// Returns by when the socket with this cookie or these ends was gone, where its end
    /// was told.
    pub(super) fn of(&self, record: &Record) -> Option<Moment> {
        let by_cookie = (record.cookie != 0).then(|| self.gone(record.cookie)).flatten();
        by_cookie.or_else(|| self.gone(record.hash_ends(&self.hasher)))
    }

    /// Forgets that the end of a socket was told.
    pub(super) fn forget(&mut self, record: &Record) {
        for key in [record.cookie, record.hash_ends(&self.hasher)] {
            self.young.remove(&key);
            self.old.remove(&key);
        }
    }

    fn add(&mut self, key: u64, gone: Moment) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, gone);
    }

    fn gone(&self, key: u64) -> Option<Moment> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }
}
