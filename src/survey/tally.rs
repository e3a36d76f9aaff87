//! Counts of the tables that rules do not judge, and the worst offenders.

use rustc_hash::FxHashMap;

use crate::model::address::Address;
use crate::model::escape::escaped;
use crate::model::hash::KeyedMap;
use crate::model::owner::Owners;
use crate::model::proto::Proto;
use crate::model::row::Row;
use crate::model::snapshot::{Snapshot, StateCounts};
use crate::model::socket::Socket;
use crate::model::state::State;

/// The number of offenders of a kind that are listed.
const TOP: usize = 3;

/// The count by which an offender is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopKind {
    /// Sockets of a process.
    ProcessSockets,
    /// CLOSE_WAIT sockets of a process.
    ProcessCloseWait,
    /// TCP sockets with one remote address.
    Remote,
    /// TIME_WAIT records with one remote address.
    RemoteTimeWait,
}

impl TopKind {
    /// Returns the word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProcessSockets => "process_sockets",
            Self::ProcessCloseWait => "process_close_wait",
            Self::Remote => "remote_sockets",
            Self::RemoteTimeWait => "remote_time_wait",
        }
    }
}

/// One of the worst offenders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Top {
    /// The count by which it is one.
    pub kind: TopKind,
    /// Process: id and escaped command name.
    pub process: Option<(u32, String)>,
    /// Remote address.
    pub remote: Option<Address>,
    /// Sockets.
    pub count: u64,
}

/// The counts of one walk over all sockets, beside what the rules need.
#[derive(Default)]
pub struct Tally {
    /// UDP sockets per state.
    pub udp: StateCounts,
    /// Raw sockets per state.
    pub raw: StateCounts,
    /// Unix sockets per state.
    pub unix: StateCounts,
    inodes: Vec<u32>,
    remotes: KeyedMap<Address, u64>,
    remotes_time_wait: KeyedMap<Address, u64>,
}

impl Tally {
    /// Takes in a row.
    pub fn add(&mut self, row: &Row<'_>) {
        let socket = &row.socket;
        if socket.inode != 0 {
            self.inodes.push(socket.inode);
        }
        match socket.table.proto {
            Proto::Udp => self.udp.add(socket.state),
            Proto::Raw => self.raw.add(socket.state),
            Proto::Unix => self.unix.add(socket.state),
            // The overview reads no other tables.
            Proto::Mptcp | Proto::Udplite | Proto::Ping | Proto::Sctp | Proto::Dccp => {}
            Proto::Netlink | Proto::Packet | Proto::Vsock => {}
            Proto::Tcp => self.remote(socket),
        }
    }

    /// Returns the worst offenders of each kind.
    pub fn top(&self, snapshot: &Snapshot) -> Vec<Top> {
        let process = |kind, counts: FxHashMap<u32, u64>| {
            largest(counts.into_iter()).map(move |(pid, count)| Top {
                kind,
                process: Some((pid, escaped(snapshot.owners.comm(pid)))),
                remote: None,
                count,
            })
        };
        let remote = |kind, counts: &KeyedMap<Address, u64>| {
            largest(counts.clone().into_iter()).map(move |(address, count)| Top {
                kind,
                process: None,
                remote: Some(address),
                count,
            })
        };
        let close_wait = snapshot.in_state(State::CloseWait).map(|conn| conn.inode);
        let close_wait = by_process(close_wait, &snapshot.owners);
        let sockets = by_process(self.inodes.iter().copied(), &snapshot.owners);
        process(TopKind::ProcessCloseWait, close_wait)
            .chain(remote(TopKind::RemoteTimeWait, &self.remotes_time_wait))
            .chain(process(TopKind::ProcessSockets, sockets))
            .chain(remote(TopKind::Remote, &self.remotes))
            .collect()
    }

    fn remote(&mut self, socket: &Socket) {
        if let Some(remote) = socket.remote().filter(|_| socket.state.is_connected()) {
            *self.remotes.entry(remote.address).or_default() += 1;
            if socket.state == State::TimeWait {
                *self.remotes_time_wait.entry(remote.address).or_default() += 1;
            }
        }
    }
}

/// Counts the sockets of each process; one that a process holds twice counts
/// once.
fn by_process(inodes: impl Iterator<Item = u32>, owners: &Owners) -> FxHashMap<u32, u64> {
    let mut counts = FxHashMap::default();
    for inode in inodes {
        let mut last = None;
        for holder in owners.of(inode) {
            if last.replace(holder.pid) != Some(holder.pid) {
                *counts.entry(holder.pid).or_default() += 1;
            }
        }
    }
    counts
}

/// Returns the largest few, largest first, equal ones by their key.
fn largest<K: Ord + Copy>(
    counts: impl Iterator<Item = (K, u64)>,
) -> impl Iterator<Item = (K, u64)> {
    let mut list: Vec<(K, u64)> = counts.collect();
    list.sort_unstable_by_key(|(key, count)| (std::cmp::Reverse(*count), *key));
    list.into_iter().take(TOP)
}
