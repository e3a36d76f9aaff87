//! Sockets whose end was told already: the kernel may tell it once more.
//!
//! A reset socket leaves the tables at once, its destruction is announced when
//! the descriptor is closed, which can be hours later.

use rustc_hash::FxHashSet;

/// Cookies kept in one half.
const HALF: usize = 32_768;

/// The last ones, at most twice [`HALF`], at least half of that.
#[derive(Debug, Default)]
pub(super) struct Departed {
    young: FxHashSet<u64>,
    old: FxHashSet<u64>,
}

impl Departed {
    /// Remembers a cookie, or another number that stands for the socket.
    pub(super) fn add(&mut self, key: u64) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key);
    }

    /// Whether the socket's end was told; it is forgotten by this.
    pub(super) fn take(&mut self, key: u64) -> bool {
        self.young.remove(&key) || self.old.remove(&key)
    }

    pub(super) fn bytes(&self) -> usize {
        (self.young.capacity() + self.old.capacity()) * (size_of::<u64>() + 1)
    }
}
