//! Who holds the sockets: each set of processes once, two bytes a socket.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::model::owner::{Holder, Owners};
use crate::model::transition::Process;

/// A set of processes; 0 is none known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnerId(u16);

impl OwnerId {
    pub(super) const NONE: Self = Self(0);
}

/// The fewest entries after which unused ones are looked for.
const SWEEP_FROM: usize = 64;

/// Every set of processes that a socket names.
#[derive(Debug, Default)]
pub(super) struct OwnerTable {
    /// Entry *n* has id *n* + 1.
    entries: Vec<Option<Arc<[Process]>>>,
    free: Vec<u16>,
    ids: HashTable<u16>,
    hasher: DefaultHashBuilder,
    sweep_at: usize,
}

impl OwnerTable {
    pub(super) fn get(&self, id: OwnerId) -> Option<&Arc<[Process]>> {
        self.entries.get(usize::from(id.0).checked_sub(1)?)?.as_ref()
    }

    /// Returns the id of the processes that hold `inode`; none where nobody is
    /// seen to hold it, or where all 65,535 ids are taken.
    pub(super) fn intern(&mut self, owners: &Owners, inode: u32) -> OwnerId {
        let holders = owners.of(inode);
        if holders.is_empty() {
            return OwnerId::NONE;
        }
        let hash = hash(&self.hasher, processes(owners, holders));
        let entries = &self.entries;
        let known = self.ids.find(hash, |id| {
            let entry = entries.get(usize::from(*id)).and_then(Option::as_deref);
            entry.is_some_and(|entry| {
                processes(owners, holders).eq(entry.iter().map(|p| (p.pid, &*p.comm)))
            })
        });
        let at = match known {
            Some(at) => Some(*at),
            None => self.add(owners, holders, hash),
        };
        at.and_then(|at| at.checked_add(1)).map_or(OwnerId::NONE, OwnerId)
    }

    fn add(&mut self, owners: &Owners, holders: &[Holder], hash: u64) -> Option<u16> {
        let entry =
            processes(owners, holders).map(|(pid, comm)| Process { pid, comm: comm.into() });
        let entry = Some(entry.collect());
        let at = match self.free.pop() {
            Some(at) => {
                *self.entries.get_mut(usize::from(at))? = entry;
                at
            }
            None => {
                // The last number stays unused: an id is one more.
                let at = u16::try_from(self.entries.len()).ok().filter(|at| *at != u16::MAX)?;
                self.entries.push(entry);
                at
            }
        };
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.ids.insert_unique(hash, at, |id| rehash(entries, hasher, *id));
        Some(at)
    }

    /// Tells whether enough was added to look for entries that nobody uses.
    pub(super) fn wants_sweep(&self) -> bool {
        self.ids.len() >= self.sweep_at.max(SWEEP_FROM)
    }

    /// Drops every entry that is not in `used`.
    pub(super) fn sweep(&mut self, used: impl Iterator<Item = OwnerId>) {
        let mut keep = vec![false; self.entries.len()];
        for id in used {
            if let Some(mark) = usize::from(id.0).checked_sub(1).and_then(|at| keep.get_mut(at)) {
                *mark = true;
            }
        }
        self.ids.retain(|id| keep.get(usize::from(*id)).is_some_and(|k| *k));
        self.free.clear();
        for (at, (entry, keep)) in self.entries.iter_mut().zip(keep).enumerate() {
            if !keep {
                *entry = None;
                self.free.extend(u16::try_from(at));
            }
        }
        self.sweep_at = self.ids.len() * 2;
    }
}

/// Returns every process once; `holders` is ordered by process.
fn processes<'o>(
    owners: &'o Owners,
    holders: &'o [Holder],
) -> impl Iterator<Item = (u32, &'o [u8])> + 'o {
    let firsts = holders.chunk_by(|a, b| a.pid == b.pid).filter_map(|same| same.first());
    firsts.map(|holder| (holder.pid, owners.comm(holder.pid)))
}

/// Hashes a set of processes, seeded: command names are chosen by strangers.
fn hash<'p>(hasher: &impl BuildHasher, set: impl Iterator<Item = (u32, &'p [u8])>) -> u64 {
    set.fold(0, |hash, process| hasher.hash_one((hash, process)))
}

fn rehash(entries: &[Option<Arc<[Process]>>], hasher: &impl BuildHasher, id: u16) -> u64 {
    let entry = entries.get(usize::from(id)).and_then(Option::as_deref).unwrap_or_default();
    hash(hasher, entry.iter().map(|p| (p.pid, &*p.comm)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(sets: &[(u32, &[(u32, &str)])]) -> Owners {
        let mut owners = Owners::default();
        for (inode, processes) in sets {
            for (pid, comm) in *processes {
                owners.add(*inode, Holder { pid: *pid, fd: 3 });
                owners.add(*inode, Holder { pid: *pid, fd: 4 });
                owners.name_process(*pid, comm.as_bytes());
            }
        }
        owners
    }

    #[test]
    fn one_set_of_processes_is_kept_once() {
        let owners =
            owners(&[(7, &[(1, "a"), (2, "b")]), (8, &[(1, "a"), (2, "b")]), (9, &[(2, "b")])]);
        let mut table = OwnerTable::default();
        let (a, b, c) =
            (table.intern(&owners, 7), table.intern(&owners, 8), table.intern(&owners, 9));
        assert!(a == b && a != c && table.intern(&owners, 10) == OwnerId::NONE);
        let names = |id| table.get(id).map(|p| p.iter().map(|p| p.pid).collect::<Vec<_>>());
        assert_eq!(
            (names(a), names(c), names(OwnerId::NONE)),
            (Some(vec![1, 2]), Some(vec![2]), None)
        );
    }

    #[test]
    fn what_nobody_uses_goes_and_its_id_is_used_again() {
        let mut table = OwnerTable::default();
        for pid in 1..=100_000 {
            let id = table.intern(&owners(&[(7, &[(pid, "worker")])]), 7);
            assert_ne!(id, OwnerId::NONE, "process {pid}");
            if table.wants_sweep() {
                table.sweep([id].into_iter());
                assert_eq!(table.get(id).map(|p| p[0].pid), Some(pid));
            }
        }
        assert!(table.entries.len() <= SWEEP_FROM && table.ids.len() <= SWEEP_FROM);
    }

    #[test]
    fn full_means_unknown_not_wrong() {
        let mut table = OwnerTable::default();
        for pid in 1..=65_535 {
            assert_ne!(table.intern(&owners(&[(7, &[(pid, "x")])]), 7), OwnerId::NONE);
        }
        assert_eq!(table.intern(&owners(&[(7, &[(70_000, "x")])]), 7), OwnerId::NONE);
        assert_ne!(table.intern(&owners(&[(7, &[(9, "x")])]), 7), OwnerId::NONE);
    }
}
