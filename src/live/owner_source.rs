//! The source of owners for rounds: a walk at every look, or a cache.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::machine::{Machine, OwnerCache, sockets_of};
use crate::model::owner::Owners;
use crate::model::snapshot::{DeadFds, Snapshot};
use crate::model::want::Want;
use crate::source::SourceError;
use crate::survey::{self, LookScope, Owned};
use crate::sys::clock;

/// The source of owners.
pub(super) enum OwnerSource {
    /// A walk over /proc at every look.
    Search,
    /// Walks beside the looks, seldom enough for a watch.
    Cache(Box<Cached>),
}

/// Owners of the last walk.
pub(super) struct Cached {
    cache: OwnerCache,
    /// As the last walk showed them.
    dead_fds: Option<DeadFds>,
    /// A walk has ended since the last look.
    fresh: bool,
}

impl OwnerSource {
    pub(super) fn cache(machine: &Machine) -> Self {
        let cache = OwnerCache::new(machine.proc_root());
        Self::Cache(Box::new(Cached { cache, dead_fds: None, fresh: false }))
    }

    /// Takes in a walk that has ended, and returns the owners that are known
    /// before a look; the second value says whether they are new.
    pub(super) fn before(&mut self) -> Option<(Arc<Owners>, bool)> {
        let Self::Cache(cached) = self else { return None };
        cached.fresh = cached.cache.take(Duration::ZERO);
        Some((Arc::clone(cached.cache.owners()), cached.fresh))
    }

    /// Finds the owners of what a look saw that began when `begun_ns` says.
    ///
    /// # Errors
    /// When no table could be read.
    pub(super) fn owned(
        &mut self,
        machine: &Machine,
        scope: &LookScope<'_>,
        inodes: &[u32],
        begun_ns: u64,
    ) -> Result<Owned, SourceError> {
        match self {
            Self::Search => survey::search_owners(machine, scope, inodes),
            Self::Cache(cached) => cached.owned(machine, scope, inodes, begun_ns),
        }
    }

    /// Tells whether the owners of a look are known well enough to judge it, and
    /// notes of which sockets nobody has asked yet.
    pub(super) fn knows(&self, snapshot: &mut Snapshot) -> bool {
        let Self::Cache(cached) = self else { return true };
        let inodes = snapshot.conns.iter().map(|conn| conn.inode);
        snapshot.unasked = inodes.filter(|inode| !cached.cache.has_asked(*inode)).collect();
        cached.cache.has_walked()
    }
}

impl Cached {
    fn owned(
        &mut self,
        machine: &Machine,
        scope: &LookScope<'_>,
        inodes: &[u32],
        begun_ns: u64,
    ) -> Result<Owned, SourceError> {
        let is_first = !self.cache.has_walked();
        let walked = self.walk(inodes, begun_ns) || self.fresh;
        if is_first && self.cache.has_doubts() {
            // So that what is hidden is told from the first round on.
            self.prove(machine, scope);
        }
        if walked {
            let known = sockets_of(inodes.iter().copied());
            self.dead_fds = survey::dead_fds(machine, scope, &known, self.cache.owners())?;
        }
        Ok(Owned {
            owners: Arc::clone(self.cache.owners()),
            gap: self.cache.gap().cloned(),
            dead_fds: self.dead_fds.clone(),
        })
    }

    /// Begins a walk where one is due, and waits for it where that is short, so
    /// that rounds have their owners. Tells whether a walk has ended.
    fn walk(&mut self, inodes: &[u32], begun_ns: u64) -> bool {
        self.cache.prove(inodes.iter().copied(), begun_ns);
        let patience = self.cache.patience();
        // Without a thread there are no new owners, and the next round tries again.
        let begun = self.cache.look_after(inodes, begun_ns).is_ok();
        begun && self.cache.take(patience)
    }

    /// Looks whether what a walk missed is there; where that fails the next
    /// round does.
    fn prove(&mut self, machine: &Machine, scope: &LookScope<'_>) {
        let (mut present, began_ns) = (Vec::new(), clock::monotonic_ns());
        let looked = machine.scan(&Want::all_of(scope.tables.clone()), &mut |row| {
            present.push(row.socket.inode);
            ControlFlow::Continue(())
        });
        if looked.is_ok_and(|report| report.served.iter().all(|served| served.whole)) {
            self.cache.prove(present, began_ns);
        }
    }
}
