//! The second look, at what the first one left: details of suspicious rows,
//! listeners, what custom rules count, owners.
//!
//! `tcp_info` takes every socket's lock and triples the bytes of a dump. It is
//! asked for the states that are rare on a healthy machine, and of ESTABLISHED
//! only for the rows that a first look found suspicious, one by one.

use std::ops::ControlFlow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::budget::Budgets;
use crate::machine::{Machine, owner_gap, sockets_of};
use crate::model::conn::Conn;
use crate::model::gap::Gap;
use crate::model::owner::Owners;
use crate::model::proto::{Proto, TableId};
use crate::model::row::Row;
use crate::model::snapshot::{CustomCounts, DeadFds, Snapshot};
use crate::model::socket::Socket;
use crate::model::state::{State, StateSet};
use crate::model::want::{Extras, Want};
use crate::query::{Lookups, Selection};
use crate::rules::LEAST_PERCENT;
use crate::source::{self, Report, Served, SourceError};
use crate::sys::{owners, processes};

use super::first_look::{FirstFindings, FirstLook, Leads};
use super::glance::{MAX_EXACT, RARE, is_rare, is_suspicious};
use super::listeners::listeners_unowned;
use super::ports::{Numbers, unseen_numbers};
use super::{LookScope, dead_fds};

/// Processes with fewer CLOSE_WAIT sockets need no look at their limits: one
/// is no leak. How many are one, settings say.
const SEVERAL: u64 = 2;

/// A look at the machine before anyone asked whose the sockets are.
pub struct SecondLook {
    snapshot: Snapshot,
    report: Report,
    inodes: Vec<u32>,
}

/// The owners of sockets, as far as they were looked up.
pub struct Owned {
    /// The holders.
    pub owners: Arc<Owners>,
    /// The owners that could not be seen.
    pub gap: Option<Gap>,
    /// Sockets that no table lists, where those were looked for.
    pub dead_fds: Option<DeadFds>,
}

/// Looks closer at what the first look left; `numbers` are those that it wants.
///
/// # Errors
/// When no table could be read.
pub fn second_look(
    machine: &Machine,
    scope: &LookScope<'_>,
    first: FirstLook,
    numbers: Option<&Numbers>,
) -> Result<SecondLook, SourceError> {
    let FirstFindings { snapshot, report, inodes, mut leads } = first.finish();
    let mut look = SecondLook { snapshot, report, inodes };
    if let Some(ports) = leads.ports.take() {
        look.ports(ports, numbers);
    }
    look.suspects(machine, scope, leads)?;
    look.udp(machine, scope)?;
    look.listeners(machine, scope)?;
    for selection in scope.custom {
        let (counted, report) = counted(machine, selection)?;
        look.snapshot.counted.push(counted);
        look.report.merge(report);
    }
    look.snapshot.gaps = hiding(&look.report);
    let looked_at = look.snapshot.conns.iter().chain(&look.snapshot.udp).map(|conn| conn.inode);
    look.inodes.extend(looked_at.chain(look.snapshot.listeners.iter().map(|l| l.socket.inode)));
    Ok(look)
}

impl SecondLook {
    /// Returns the inodes of everything that was seen.
    pub fn inodes(&self) -> &[u32] {
        &self.inodes
    }

    /// Adds whose the sockets are, and the limits of those processes.
    pub fn with_owners(self, machine: &Machine, owned: Owned) -> (Snapshot, Report) {
        let Self { mut snapshot, mut report, .. } = self;
        report.gaps.extend(owned.gap);
        snapshot.owners = owned.owners;
        snapshot.dead_fds = owned.dead_fds;
        snapshot.open_file_limits = limits(machine, &snapshot);
        (snapshot, report)
    }

    /// Keeps the ephemeral ports, of which looks are kept to measure growth by.
    fn ports(&mut self, mut ports: Budgets, numbers: Option<&Numbers>) {
        let untold = numbers.is_some_and(|numbers| !numbers.known);
        self.report.gaps.extend(untold.then(unseen_numbers));
        let held = numbers.into_iter().flat_map(|numbers| &numbers.sockets);
        held.for_each(|socket| ports.hold(socket));
        self.snapshot.ports = Some(ports.finish(LEAST_PERCENT));
    }

    /// Asks for `tcp_info` of what may be stuck.
    fn suspects(
        &mut self,
        machine: &Machine,
        scope: &LookScope<'_>,
        leads: Leads,
    ) -> Result<(), SourceError> {
        let tables = scope.tables_of(Proto::Tcp);
        if !scope.needs.conns || tables.is_empty() {
            return Ok(());
        }
        let Leads { suspects, rare, .. } = leads;
        let snapshot = &mut self.snapshot;
        let (live, known) = (machine.is_live(), scope.needs.glance);
        let (mut states, mut rows) = (StateSet::EMPTY, Vec::new());
        if known && live && is_cheaper_one_by_one(rare.len(), snapshot.tcp.total()) {
            rows.extend(rare);
        } else {
            let there = |state: &State| !known || snapshot.tcp.get(*state) > 0;
            states = RARE.into_iter().filter(there).collect();
        }
        if live && suspects.len() <= MAX_EXACT {
            rows.extend(suspects);
        } else {
            states = states.union(State::Established.into());
        }
        // What has changed to one of `states` meanwhile comes with the dump.
        let exact = exact(rows).into_iter().filter(|conn| !states.contains(conn.state));
        snapshot.conns.extend(exact);
        if states == StateSet::EMPTY {
            return Ok(());
        }
        let want = Want { states, extras: DETAILS, ..Want::all_of(tables) };
        let report = machine.scan(&want, &mut |row| {
            if deserves_a_look(row) {
                snapshot.conns.extend(Conn::of(row));
            }
            ControlFlow::Continue(())
        })?;
        self.report.merge(report);
        Ok(())
    }

    fn udp(&mut self, machine: &Machine, scope: &LookScope<'_>) -> Result<(), SourceError> {
        let tables = scope.tables_of(Proto::Udp);
        if !scope.needs.udp || tables.is_empty() {
            return Ok(());
        }
        let extras = Extras { memory: true, ..Extras::default() };
        let want = Want { extras, ..Want::all_of(tables) };
        let udp = &mut self.snapshot.udp;
        let report = machine.scan(&want, &mut |row| {
            if row.facts.drops().is_some_and(|drops| drops > 0) {
                udp.extend(Conn::of(row));
            }
            ControlFlow::Continue(())
        })?;
        self.report.merge(report);
        Ok(())
    }

    fn listeners(&mut self, machine: &Machine, scope: &LookScope<'_>) -> Result<(), SourceError> {
        let wanted = |table: &TableId| match table.proto {
            Proto::Tcp => scope.needs.listeners,
            Proto::Unix => scope.needs.unix,
            _ => false,
        };
        let tables: Vec<TableId> = scope.tables.iter().copied().filter(wanted).collect();
        if !tables.is_empty() {
            let (listeners, report) = listeners_unowned(machine, &tables)?;
            self.snapshot.listeners = listeners;
            self.report.merge(report);
        }
        Ok(())
    }
}

/// Counts how many sockets a filter selects, and of how many it cannot be told.
fn counted(
    machine: &Machine,
    selection: &Selection,
) -> Result<(CustomCounts, Report), SourceError> {
    let mut lookups = Lookups::of(machine, selection.needs());
    let kept = machine.keep(&selection.want)?;
    let mut report = kept.report;
    if selection.needs().owners {
        let (owners, gap) = machine.owners(kept.table.iter().map(|row| row.socket.inode));
        lookups.owners = owners.into();
        report.gaps.extend(gap);
    }
    let mut counted = CustomCounts::default();
    for row in kept.table.iter() {
        match selection.judges(&row, &lookups) {
            Some(true) => counted.yes += 1,
            Some(false) => {}
            None => counted.unknown += 1,
        }
    }
    Ok((counted, report))
}

/// Searches for the owners of what was seen, and with them for descriptors
/// that no table lists where the rules need those.
///
/// # Errors
/// When no table could be read.
pub fn search_owners(
    machine: &Machine,
    scope: &LookScope<'_>,
    inodes: &[u32],
) -> Result<Owned, SourceError> {
    if !scope.needs.descriptors {
        let (owners, gap) = machine.owners(inodes.iter().copied());
        return Ok(Owned { owners: owners.into(), gap, dead_fds: None });
    }
    match owners::scan(machine.proc_root(), None) {
        Ok(owners) => {
            let wanted = sockets_of(inodes.iter().copied());
            let gap = owner_gap(&wanted, &owners);
            let dead_fds = dead_fds(machine, scope, &wanted, &owners)?;
            Ok(Owned { owners: owners.into(), gap, dead_fds })
        }
        Err(error) => {
            let gap = Some(Gap::new("owners", error.to_string()));
            Ok(Owned { owners: Arc::default(), gap, dead_fds: None })
        }
    }
}

/// Reads how many files processes with several CLOSE_WAIT sockets may open.
fn limits(machine: &Machine, snapshot: &Snapshot) -> FxHashMap<u32, u64> {
    let mut counts: FxHashMap<u32, u64> = FxHashMap::default();
    for conn in snapshot.in_state(State::CloseWait) {
        for holder in snapshot.owners.of(conn.inode) {
            *counts.entry(holder.pid).or_default() += 1;
        }
    }
    let several = counts.into_iter().filter(|(_, count)| *count >= SEVERAL);
    // A limit that cannot be read makes the rule rely on the count alone.
    several
        .filter_map(|(pid, _)| {
            let limit = processes::max_open_files(machine.proc_root(), pid).ok()??;
            Some((pid, limit))
        })
        .collect()
}

/// The facts that the second look asks for.
const DETAILS: Extras = Extras { tcp_info: true, memory: true, congestion: false, tos: false };

/// Tells whether the rules need a row of the second look.
fn deserves_a_look(row: &Row<'_>) -> bool {
    is_suspicious(row) || is_rare(row)
}

/// In a table of so many sockets it costs as much to walk past all of them as to
/// ask for one row: 0.1 µs each, and 3.5 µs for a row by itself instead of 1.1 µs
/// within a dump.
const SOCKETS_A_ROW: u64 = 24;

fn is_cheaper_one_by_one(rows: usize, of: u64) -> bool {
    rows <= MAX_EXACT && rows as u64 * SOCKETS_A_ROW <= of
}

/// Returns these rows as they are now, without those that are gone or need no
/// look any more. Where they cannot be asked for (no cookies without sock_diag)
/// the first look stands.
fn exact(rows: Vec<(Socket, Conn)>) -> Vec<Conn> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let asked = source::exactly(rows.iter().map(|(socket, _)| socket), DETAILS, &mut |row| {
        if deserves_a_look(row) {
            found.extend(Conn::of(row));
        }
        ControlFlow::Continue(())
    });
    let unasked = asked.unwrap_or_else(|_| (0..rows.len()).collect());
    let mut unasked = unasked.into_iter().peekable();
    let first_look =
        rows.into_iter().enumerate().filter(|(index, _)| unasked.next_if_eq(index).is_some());
    found.extend(first_look.map(|(_, (_, conn))| conn));
    found
}

/// Returns the gaps that hide rows or numbers from the rules. A table read from
/// /proc has all its rows; the rules themselves see which of their numbers it
/// lacks.
fn hiding(report: &Report) -> Vec<Gap> {
    let fallback = |gap: &&Gap| {
        report.served.iter().any(|s| s.table.name() == gap.what && s.by == Served::Proc)
    };
    report.gaps.iter().filter(|gap| !fallback(gap) && gap.what != "owners").cloned().collect()
}
