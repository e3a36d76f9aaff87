//! Descriptors of TCP sockets that no table lists.

use std::ops::ControlFlow;
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::machine::Machine;
use crate::model::owner::{Link, Owners};
use crate::model::proto::Proto;
use crate::model::snapshot::DeadFds;
use crate::model::want::Want;
use crate::source::SourceError;
use crate::sys::{rights, sockfs};

use super::LookScope;

/// Looks for sockets of processes that no table lists, where all tables were
/// read; `known` are the inodes that the first look showed.
///
/// # Errors
/// When the tables could not be read once more.
pub fn dead_fds(
    machine: &Machine,
    scope: &LookScope<'_>,
    known: &FxHashSet<u32>,
    owners: &Owners,
) -> Result<Option<DeadFds>, SourceError> {
    let tables = scope.tables_of(Proto::Tcp);
    let complete = scope.needs.glance && tables.len() == 2;
    if !complete || !scope.needs.descriptors {
        return Ok(None);
    }
    let candidates = candidates(machine.proc_root(), known, owners);
    if candidates.is_empty() {
        return Ok(Some(none(owners)));
    }
    // What came about since the first look is listed now.
    let mut listed = FxHashSet::default();
    machine.scan(&Want::all_of(tables), &mut |row| {
        listed.insert(row.socket.inode);
        ControlFlow::Continue(())
    })?;
    Ok(Some(confirmed(machine.proc_root(), candidates, &listed, owners)))
}

/// Finds descriptors of TCP sockets of our namespace that were not listed at the
/// first look.
fn candidates(proc_root: &Path, known: &FxHashSet<u32>, owners: &Owners) -> Vec<Link> {
    // Once for all of them: each look would raise it for itself.
    let _raised = rights::raise_for_proc(proc_root);
    let mut ours: FxHashMap<u32, bool> = FxHashMap::default();
    owners
        .links()
        .filter(|link| !known.contains(&link.inode))
        .filter(|link| {
            let pid = link.holder.pid;
            *ours.entry(pid).or_insert_with(|| sockfs::shares_netns(proc_root, pid))
        })
        .filter(|link| sockfs::is_tcp(proc_root, link))
        .collect()
}

/// Returns those that are not listed now either, and still open: by process.
fn confirmed(
    proc_root: &Path,
    candidates: Vec<Link>,
    listed: &FxHashSet<u32>,
    owners: &Owners,
) -> DeadFds {
    let _raised = rights::raise_for_proc(proc_root);
    let mut counts: FxHashMap<u32, FxHashSet<u32>> = FxHashMap::default();
    for link in candidates {
        if !listed.contains(&link.inode) && sockfs::is_open(proc_root, &link) {
            counts.entry(link.holder.pid).or_default().insert(link.inode);
        }
    }
    let mut processes: Vec<(u32, u64)> =
        counts.into_iter().map(|(pid, inodes)| (pid, inodes.len() as u64)).collect();
    processes.sort_unstable_by_key(|(pid, count)| (std::cmp::Reverse(*count), *pid));
    DeadFds { processes, ..none(owners) }
}

/// Returns the finding that there is no such descriptor among those that could be
/// read.
fn none(owners: &Owners) -> DeadFds {
    DeadFds { processes: Vec::new(), hidden_processes: owners.hidden_processes }
}
