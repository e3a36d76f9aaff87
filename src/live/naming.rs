//! The owners of a stream's sockets, found out beside its looks.
//!
//! A search through every descriptor of every process takes a second and more
//! where there are hundreds of thousands. Looks go on meanwhile, or what
//! happens is not seen and the rings of the tracepoint run over.

use std::time::Duration;

use crate::machine::OwnerCache;
use crate::model::gap::Gap;
use crate::track::Tracker;

/// Names the owners of a tracker's sockets as they become known.
pub(super) struct Naming {
    cache: OwnerCache,
    /// Inodes that no search has asked about.
    unasked: Vec<u32>,
    /// True once it was told that owners are hidden.
    told: bool,
    /// True once it was told that no search is possible.
    failed: bool,
}

impl Naming {
    /// Begins with nothing named; `cache` searches for owners.
    pub(super) fn new(cache: OwnerCache) -> Self {
        Self { cache, unasked: Vec::new(), told: false, failed: false }
    }

    /// Notes the owners of what is new, at this look where they are quickly
    /// found and at a later one where not. `began_ns` is when the look began.
    /// Returns what permission hides, and what keeps it from searching, each
    /// once.
    pub(super) fn name(
        &mut self,
        tracker: &mut Tracker,
        began_ns: u64,
        now_ns: u64,
    ) -> impl Iterator<Item = Gap> + use<> {
        let earlier = self.cache.take(Duration::ZERO);
        self.cache.prove(tracker.seen_inodes(), began_ns);
        let hidden = self.hidden();
        self.unasked.extend(tracker.wants_owners());
        self.forget_asked();
        let begun = self.cache.look_after(&self.unasked, now_ns);
        let now = self.cache.take(self.cache.patience());
        if earlier || now {
            self.forget_asked();
            tracker.refresh_owners(self.cache.owners());
        } else {
            tracker.set_owners(self.cache.owners());
        }
        let failure = begun.err().filter(|_| !std::mem::replace(&mut self.failed, true));
        let failure =
            failure.map(|e| Gap::new("owners", format!("no thread to look for them: {e}")));
        hidden.into_iter().chain(failure)
    }

    fn hidden(&mut self) -> Option<Gap> {
        let proven = !self.told && !self.cache.has_doubts() && self.cache.hides();
        let gap = self.cache.gap().filter(|_| proven).cloned();
        self.told |= gap.is_some();
        gap
    }

    fn forget_asked(&mut self) {
        self.unasked.retain(|inode| !self.cache.has_asked(*inode));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::model::address::{Address, Endpoint};
    use crate::model::facts::Facts;
    use crate::model::identity::Identity;
    use crate::model::moment::Moment;
    use crate::model::owner::{Holder, Owners};
    use crate::model::proto::{Family, Proto, TableId};
    use crate::model::row::Row;
    use crate::model::socket::{Ends, Socket};
    use crate::model::state::State;
    use crate::track::Complete;

    const INODE: u32 = 77;

    /// Makes a look at one listener.
    fn look(tracker: &mut Tracker, at: u64) {
        let table = TableId { proto: Proto::Tcp, family: Family::Inet };
        let [local, remote] = [80, 0].map(|port| Endpoint::new(Address::v4([0; 4]), port));
        let ends = Ends::Inet { local, remote };
        let who = Identity { table, cookie: 5, ends, ifindex: 0, inode: INODE };
        let socket = Socket::of_identity(&who, State::Listen);
        tracker.begin(Moment(at));
        tracker.row(&Row { socket, facts: Facts::None });
        tracker.end(Moment(at), Complete::NONE.with(table), &mut |_| {});
    }

    fn owner(tracker: &Tracker) -> Option<u32> {
        tracker.iter().next().expect("the listener").owner.map(|owner| owner.processes[0].pid)
    }

    /// A search that has not ended holds nothing up, and names when it has.
    #[test]
    fn a_long_search_is_not_waited_for() {
        let (end, wait) = mpsc::channel::<()>();
        let mut naming = Naming::new(OwnerCache::searching(INODE, move || {
            wait.recv().expect("told to end");
            let mut owners = Owners::default();
            owners.add(INODE, Holder { pid: 9, fd: 3 });
            owners.name_process(9, *b"web");
            owners
        }));
        let mut tracker = Tracker::new();
        for at in 1..4 {
            look(&mut tracker, at);
            // It would wait for ever.
            assert_eq!(naming.name(&mut tracker, at, at).next(), None);
            tracker.settle(Moment(at), &mut |_| {});
            assert_eq!(owner(&tracker), None);
        }
        end.send(()).expect("the search waits");
        naming.cache.wait_for_search();
        look(&mut tracker, 5);
        assert_eq!(naming.name(&mut tracker, 5, 5).next(), None);
        assert_eq!(owner(&tracker), Some(9));
    }

    /// Owners that permission hides are told once, when a look has shown that
    /// they are there, whether or not that look begins another search.
    #[test]
    fn what_is_hidden_is_told_once() {
        let mut naming = Naming::new(OwnerCache::searching(INODE, || {
            let mut owners = Owners::default();
            owners.hidden_processes = 1;
            owners
        }));
        naming.cache.wait_for_search();
        let mut tracker = Tracker::new();
        let told: Vec<usize> = (1..5)
            .map(|at| {
                look(&mut tracker, at);
                let told = naming.name(&mut tracker, at, at).count();
                tracker.settle(Moment(at), &mut |_| {});
                told
            })
            .collect();
        assert_eq!(told, [1, 0, 0, 0]);
    }
}
