//! Sockets whose end was told already: the kernel may tell it once more.
//!
//! A reset socket leaves the tables at once, its destruction is announced when
//! the descriptor is closed, which can be hours later. And an event can come
//! after the look that showed what it did.

use rustc_hash::FxHashMap;

use crate::model::moment::Moment;

/// Numbers kept in one half.
const HALF: usize = 32_768;

/// The last ones, at most twice [`HALF`], with the time by which they were
/// gone. A number stands for a socket: its cookie, or a hash of its ends.
#[derive(Debug, Default)]
pub(super) struct Departed {
    young: FxHashMap<u64, Moment>,
    old: FxHashMap<u64, Moment>,
}

impl Departed {
    pub(super) fn add(&mut self, key: u64, gone: Moment) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, gone);
    }

    /// By when the socket was gone.
    pub(super) fn gone(&self, key: u64) -> Option<Moment> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    pub(super) fn forget(&mut self, key: u64) {
        self.young.remove(&key);
        self.old.remove(&key);
    }
}
