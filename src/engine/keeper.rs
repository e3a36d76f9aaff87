//! Who holds what, kept from one look to the next.
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

use rustc_hash::FxHashSet;

use crate::model::gap::Gap;
use crate::model::owner::Owners;
use crate::sys::clock;
use crate::sys::owners::{self, ScanError};

use super::owner_gap;

/// A walk older than this is made again, whatever the tables show.
const OLD_NS: u64 = 30_000_000_000;

/// Walks take one part in this of the time at the most.
const SHARE: u64 = 10;

/// Owners, and the walk that renews them.
pub(super) struct OwnerKeeper {
    proc_root: PathBuf,
    owners: Arc<Owners>,
    /// Inodes that the last walk was made for and did not find.
    nobody: FxHashSet<u32>,
    gap: Option<Gap>,
    walk: Option<Walk>,
    last: Option<Last>,
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

impl OwnerKeeper {
    /// A keeper that knows nobody.
    pub(super) fn new(proc_root: &Path) -> Self {
        Self {
            proc_root: proc_root.to_owned(),
            owners: Arc::default(),
            nobody: FxHashSet::default(),
            gap: None,
            walk: None,
            last: None,
        }
    }

    /// Whether there was no walk yet.
    pub(super) fn is_first(&self) -> bool {
        self.last.is_none() && self.walk.is_none()
    }

    /// The owners as the last walk found them.
    pub(super) fn owners(&self) -> &Arc<Owners> {
        &self.owners
    }

    /// What the last walk could not find out.
    pub(super) fn gap(&self) -> Option<&Gap> {
        self.gap.as_ref()
    }

    /// Takes in a walk that has ended; says whether there was one. Waits for
    /// it with `wait`.
    pub(super) fn take(&mut self, wait: bool) -> bool {
        let done = self.walk.as_ref().is_some_and(|walk| wait || walk.thread.is_finished());
        let Some(walk) = self.walk.take_if(|_| done) else { return false };
        let (found, ended_ns) =
            walk.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.last = Some(Last { ended_ns, took_ns: ended_ns.saturating_sub(walk.begun_ns) });
        match found {
            Ok(owners) => {
                self.gap = owner_gap(&walk.wanted, &owners);
                self.nobody = walk.wanted.into_iter().filter(|i| !owners.holds(*i)).collect();
                self.owners = Arc::new(owners);
            }
            Err(error) => {
                // What was known before is the best there is.
                self.gap = Some(Gap::new("owners", error.to_string()));
                self.nobody = walk.wanted;
            }
        }
        true
    }

    /// Begins a walk where the inodes of a look ask for one.
    ///
    /// # Errors
    /// When there can be no thread for it.
    pub(super) fn look_after(&mut self, inodes: &[u32], now_ns: u64) -> io::Result<()> {
        if self.walk.is_some() || !self.is_due(inodes, now_ns) {
            return Ok(());
        }
        let proc_root = self.proc_root.clone();
        let thread = thread::Builder::new()
            .name("owners".into())
            .spawn(move || (owners::scan(&proc_root, None), clock::monotonic_ns()))?;
        let wanted = super::frame::known(inodes);
        self.walk = Some(Walk { begun_ns: now_ns, wanted, thread });
        Ok(())
    }

    fn is_due(&self, inodes: &[u32], now_ns: u64) -> bool {
        let Some(last) = self.last else { return true };
        let since_ns = now_ns.saturating_sub(last.ended_ns);
        if since_ns < last.took_ns.saturating_mul(SHARE) {
            return false;
        }
        let asked =
            |inode: &u32| *inode == 0 || self.owners.holds(*inode) || self.nobody.contains(inode);
        since_ns >= OLD_NS || !inodes.iter().all(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// A keeper whose last walk ended at 100 s and took 10 ms; it asked for
    /// the inodes 1 and 2, of which a process holds the first.
    fn keeper() -> OwnerKeeper {
        let mut keeper = OwnerKeeper::new(Path::new("/proc"));
        let mut owners = Owners::default();
        owners.add(1, crate::model::owner::Holder { pid: 9, fd: 3 });
        keeper.owners = Arc::new(owners);
        keeper.nobody.insert(2);
        keeper.last = Some(Last { ended_ns: 100 * SECOND, took_ns: SECOND / 100 });
        keeper
    }

    #[test]
    fn a_walk_is_made_for_new_inodes_or_when_the_last_is_old() {
        let keeper = keeper();
        let at = |tenths: u64| 100 * SECOND + tenths * SECOND / 10;
        assert!(!keeper.is_due(&[0, 1, 2], at(20)), "all of them were asked about");
        assert!(keeper.is_due(&[0, 1, 2, 3], at(20)), "3 is new");
        assert!(keeper.is_due(&[1], at(300)), "descriptors move without a table telling");
        assert!(OwnerKeeper::new(Path::new("/proc")).is_due(&[], 0), "there was none yet");
    }

    #[test]
    fn walks_take_a_tenth_of_the_time_at_the_most() {
        let mut keeper = keeper();
        keeper.last = Some(Last { ended_ns: 100 * SECOND, took_ns: SECOND });
        assert!(!keeper.is_due(&[3], 109 * SECOND));
        assert!(keeper.is_due(&[3], 110 * SECOND));
    }

    #[test]
    fn the_owners_of_this_process_are_found() {
        let socket = std::os::unix::net::UnixDatagram::unbound().expect("a socket");
        let inode = rustix::fs::fstat(&socket).expect("its inode").st_ino;
        let inode = u32::try_from(inode).expect("socket inodes have 32 bits");
        let mut keeper = OwnerKeeper::new(Path::new("/proc"));
        keeper.look_after(&[inode], clock::monotonic_ns()).expect("a thread");
        assert!(keeper.take(true));
        assert_eq!(keeper.owners().of(inode)[0].pid, std::process::id());
        assert!(keeper.gap().is_none());
        assert!(!keeper.take(true), "once");
    }
}
