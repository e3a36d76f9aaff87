//! The owners of sockets, kept from one look to the next.
//!
//! A walk over every descriptor of every process costs some 3 µs each, which a
//! watch cannot pay every second. So it is made beside the looks, by a thread
//! of its own, and only when a look shows an inode that nobody has been asked
//! about, or when the last walk is old: descriptors are passed on and closed
//! without any table telling.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::model::gap::Gap;
use crate::model::owner::Owners;
use crate::sys::clock;
use crate::sys::owners::{self, ScanError};

use super::owners::{owner_gap, sockets_of};

/// The first walk is waited for so long, so that the first round has owners on
/// most machines.
const FIRST: Duration = Duration::from_millis(300);

/// The time between two looks whether a walk has ended.
const STEP: Duration = Duration::from_micros(500);

/// Decides how often walks are made, and how long one is waited for.
#[derive(Clone, Copy)]
struct WalkPolicy {
    /// A walk is waited for where the last one took no longer than this.
    short: Duration,
    /// After a short walk there is none for so many times what it took …
    pause_after_short: u64,
    /// … and after a long one for so many.
    pause_after_long: u64,
    /// A walk older than this is made again, whatever the tables show.
    old_ns: u64,
}

/// A screen is looked at for hours; its owners may be a second late.
const SPARING: WalkPolicy = WalkPolicy {
    short: Duration::from_millis(20),
    pause_after_short: 10,
    pause_after_long: 10,
    old_ns: 30_000_000_000,
};

/// A short life is told once, and with its owner where that is quickly found.
/// Where nothing happens nothing is done.
const EAGER: WalkPolicy = WalkPolicy {
    short: Duration::from_millis(100),
    pause_after_short: 0,
    pause_after_long: 4,
    old_ns: u64::MAX,
};

/// Owners, and the walk that renews them.
pub struct OwnerCache {
    policy: WalkPolicy,
    proc_root: PathBuf,
    owners: Arc<Owners>,
    /// Inodes that the last walk was made for and did not find.
    nobody: FxHashSet<u32>,
    /// The gap of the walks: owners that they cannot see.
    gap: Option<Gap>,
    proof: Proof,
    walk: Option<Walk>,
    last: Option<Last>,
}

/// The proof of what the last walk missed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// It may have been closed meanwhile: no later look has shown it, and the
    /// gap is that of the walk before.
    Missing,
    /// It is there, or nothing was missed.
    Given,
    /// There was no walk to miss anything: /proc could not be read.
    Blind,
}

struct Walk {
    begun_ns: u64,
    wanted: FxHashSet<u32>,
    thread: JoinHandle<(Result<Owners, ScanError>, u64)>,
}

#[derive(Clone, Copy)]
struct Last {
    ended_ns: u64,
    took_ns: u64,
}

impl OwnerCache {
    /// Makes a cache that knows nobody, and whose walks take a tenth of the time
    /// at the most.
    pub fn new(proc_root: &Path) -> Self {
        Self::of(SPARING, proc_root)
    }

    /// Makes a cache that walks at every look that shows something new, while
    /// walks are short.
    pub fn eager(proc_root: &Path) -> Self {
        Self::of(EAGER, proc_root)
    }

    fn of(policy: WalkPolicy, proc_root: &Path) -> Self {
        Self {
            policy,
            proc_root: proc_root.to_owned(),
            owners: Arc::default(),
            nobody: FxHashSet::default(),
            gap: None,
            proof: Proof::Given,
            walk: None,
            last: None,
        }
    }

    /// Returns the time that the next walk is worth waiting for: as long as a
    /// short one takes, and longer for the first.
    pub fn patience(&self) -> Duration {
        match self.last {
            None => FIRST,
            Some(last) if self.is_short(last) => self.policy.short,
            Some(_) => Duration::ZERO,
        }
    }

    fn is_short(&self, last: Last) -> bool {
        u128::from(last.took_ns) <= self.policy.short.as_nanos()
    }

    /// Tells whether a walk that has ended was made for this inode, or met it.
    pub fn has_asked(&self, inode: u32) -> bool {
        inode == 0 || self.owners.holds(inode) || self.nobody.contains(&inode)
    }

    /// Tells whether a walk has ended.
    pub fn has_walked(&self) -> bool {
        self.last.is_some()
    }

    /// Returns the owners as the last walk found them.
    pub fn owners(&self) -> &Arc<Owners> {
        &self.owners
    }

    /// Returns the gap of owners that walks cannot find out.
    pub fn gap(&self) -> Option<&Gap> {
        self.gap.as_ref()
    }

    /// Tells whether there are processes that it cannot look into.
    pub fn hides(&self) -> bool {
        self.proof == Proof::Blind || self.owners.hidden_processes > 0
    }

    /// Tells whether the last walk missed what may be there.
    pub fn has_doubts(&self) -> bool {
        self.proof == Proof::Missing
    }

    /// Tells what the last walk missed though it is there from what was gone by
    /// then. `present` are the inodes of a look that began when `began_ns` says;
    /// one that began before the walk ended proves nothing.
    pub fn prove(&mut self, present: impl IntoIterator<Item = u32>, began_ns: u64) {
        let is_early = self.last.is_none_or(|last| began_ns < last.ended_ns);
        if self.proof != Proof::Missing || is_early {
            return;
        }
        self.proof = Proof::Given;
        let present: FxHashSet<u32> = present.into_iter().filter(|inode| *inode != 0).collect();
        let asked = |inode: &u32| self.owners.holds(*inode) || self.nobody.contains(inode);
        let asked: FxHashSet<u32> = present.iter().copied().filter(asked).collect();
        self.gap = owner_gap(&asked, &self.owners);
    }

    /// Takes in a walk that has ended, or ends within `patience`; says whether
    /// there was one.
    pub fn take(&mut self, patience: Duration) -> bool {
        let ended = |walk: &Option<Walk>| walk.as_ref().is_some_and(|w| w.thread.is_finished());
        let until_ns = clock::monotonic_ns() + patience.as_nanos() as u64;
        while self.walk.is_some() && !ended(&self.walk) && clock::monotonic_ns() < until_ns {
            clock::sleep(STEP);
        }
        let done = ended(&self.walk);
        let Some(walk) = self.walk.take_if(|_| done) else { return false };
        let (found, ended_ns) =
            walk.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.last = Some(Last { ended_ns, took_ns: ended_ns.saturating_sub(walk.begun_ns) });
        match found {
            Ok(owners) => {
                self.nobody = walk.wanted.into_iter().filter(|i| !owners.holds(*i)).collect();
                self.owners = Arc::new(owners);
                self.proof = Proof::Missing;
                if self.nobody.is_empty() {
                    self.proof = Proof::Given;
                    self.gap = None;
                }
            }
            Err(error) => {
                // What was known before is the best there is.
                self.gap = Some(Gap::new("owners", error.to_string()));
                self.proof = Proof::Blind;
                self.nobody = walk.wanted;
            }
        }
        true
    }

    /// Begins a walk where the inodes of a look ask for one.
    ///
    /// # Errors
    /// When there can be no thread for it.
    pub fn look_after(&mut self, inodes: &[u32], now_ns: u64) -> io::Result<()> {
        if self.walk.is_some() || !self.is_due(inodes, now_ns) {
            return Ok(());
        }
        let proc_root = self.proc_root.clone();
        let thread = thread::Builder::new()
            .name("owners".into())
            .spawn(move || (owners::scan(&proc_root, None), clock::monotonic_ns()))?;
        let wanted = sockets_of(inodes.iter().copied());
        self.walk = Some(Walk { begun_ns: now_ns, wanted, thread });
        Ok(())
    }

    /// One whose last walk was long and which walks again, by `walk`.
    #[cfg(test)]
    pub(crate) fn searching(inode: u32, walk: impl FnOnce() -> Owners + Send + 'static) -> Self {
        let thread = thread::spawn(move || (Ok(walk()), 0));
        let walk = Walk { begun_ns: 0, wanted: [inode].into_iter().collect(), thread };
        let last = Last { ended_ns: 0, took_ns: 3_600_000_000_000 };
        Self { walk: Some(walk), last: Some(last), ..Self::eager(Path::new("/proc")) }
    }

    /// Waits until the walk can be taken in.
    #[cfg(test)]
    pub(crate) fn wait_for_search(&self) {
        while self.walk.as_ref().is_some_and(|walk| !walk.thread.is_finished()) {
            clock::sleep(STEP);
        }
    }

    fn is_due(&self, inodes: &[u32], now_ns: u64) -> bool {
        let Some(last) = self.last else { return true };
        let since_ns = now_ns.saturating_sub(last.ended_ns);
        let WalkPolicy { pause_after_short, pause_after_long, old_ns, .. } = self.policy;
        let pause = if self.is_short(last) { pause_after_short } else { pause_after_long };
        if since_ns < last.took_ns.saturating_mul(pause) {
            return false;
        }
        since_ns >= old_ns || !inodes.iter().all(|inode| self.has_asked(*inode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Makes a cache whose last walk ended at 100 s and took 10 ms; it asked for
    /// the inodes 1 and 2, of which a process holds the first.
    fn cache() -> OwnerCache {
        let mut cache = OwnerCache::new(Path::new("/proc"));
        let mut owners = Owners::default();
        owners.add(1, crate::model::owner::Holder { pid: 9, fd: 3 });
        cache.owners = Arc::new(owners);
        cache.nobody.insert(2);
        cache.last = Some(Last { ended_ns: 100 * SECOND, took_ns: SECOND / 100 });
        cache
    }

    #[test]
    fn a_walk_is_made_for_new_inodes_or_when_the_last_is_old() {
        let cache = cache();
        let at = |tenths: u64| 100 * SECOND + tenths * SECOND / 10;
        assert!(!cache.is_due(&[0, 1, 2], at(20)), "all of them were asked about");
        assert!(cache.is_due(&[0, 1, 2, 3], at(20)), "3 is new");
        assert!(cache.is_due(&[1], at(300)), "descriptors move without a table telling");
        assert!(OwnerCache::new(Path::new("/proc")).is_due(&[], 0), "there was none yet");
    }

    #[test]
    fn walks_take_a_tenth_of_the_time_at_the_most() {
        let mut cache = cache();
        cache.last = Some(Last { ended_ns: 100 * SECOND, took_ns: SECOND });
        assert!(!cache.is_due(&[3], 109 * SECOND));
        assert!(cache.is_due(&[3], 110 * SECOND));
    }

    #[test]
    fn an_eager_one_spares_long_walks_only() {
        let mut cache = OwnerCache { policy: EAGER, ..cache() };
        assert!(cache.is_due(&[3], 100 * SECOND));
        assert_eq!(cache.patience(), EAGER.short);
        cache.last = Some(Last { ended_ns: 100 * SECOND, took_ns: SECOND });
        assert_eq!(cache.patience(), Duration::ZERO);
        assert!(!cache.is_due(&[3], 103 * SECOND));
        assert!(cache.is_due(&[3], 104 * SECOND));
        assert!(!cache.is_due(&[1, 2], 1_000_000 * SECOND), "nothing happened");
    }

    #[test]
    fn what_was_closed_before_the_walk_came_to_it_is_not_hidden() {
        let after = 101 * SECOND;
        let unproven = || OwnerCache { proof: Proof::Missing, ..cache() };
        let mut cache = unproven();
        cache.prove([1, 2], 99 * SECOND);
        assert!(cache.has_doubts(), "the look began before the walk ended");
        cache.prove([1, 3], after);
        assert!(!cache.has_doubts() && cache.gap().is_none(), "2 is gone, 3 not asked for");
        let mut cache = unproven();
        cache.prove([1, 2, 3], after);
        assert_eq!(cache.gap().expect("2 is there").count, Some(1));
    }

    #[test]
    fn the_owners_of_this_process_are_found() {
        let socket = std::os::unix::net::UnixDatagram::unbound().expect("a socket");
        let inode = rustix::fs::fstat(&socket).expect("its inode").st_ino;
        let inode = u32::try_from(inode).expect("socket inodes have 32 bits");
        let mut cache = OwnerCache::new(Path::new("/proc"));
        cache.look_after(&[inode], clock::monotonic_ns()).expect("a thread");
        assert!(cache.take(Duration::from_secs(30)));
        assert_eq!(cache.owners().of(inode)[0].pid, std::process::id());
        assert!(!cache.has_doubts());
        assert!(cache.gap().is_none());
        assert!(!cache.take(Duration::ZERO), "once");
    }
}
