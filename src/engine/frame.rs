//! One look at the machine for the rules: counts of everything, rows only of
//! what may be wrong.
//!
//! `tcp_info` takes every socket's lock and triples the bytes of a dump. It is
//! asked for the states that are rare on a healthy machine, and of ESTABLISHED
//! only for the rows that a first look found suspicious, one by one.

use std::ops::ControlFlow;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::budget::Budgets;
use crate::model::conn::Conn;
use crate::model::frame::{Counted, DeadFds, Frame};
use crate::model::gap::Gap;
use crate::model::host::Host;
use crate::model::owner::Owners;
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::state::{State, StateSet};
use crate::model::want::{Extras, Proto, TableId, Want};
use crate::rules::{LEAST_PERCENT, Needs};
use crate::source::{self, Report, Served, SourceError};
use crate::sys::{owners, processes};

use super::glance::{Glance, MAX_EXACT, RARE, is_rare, is_suspicious};
use super::ports::{Numbers, unseen_numbers};
use super::{Engine, Selection, dead_fds, owner_gap};

/// Processes with fewer CLOSE_WAIT sockets need no look at their limits: one
/// is no leak. How many are one, settings say.
const SEVERAL: u64 = 2;

/// What to look at.
pub struct Ask<'a> {
    /// The tables.
    pub tables: Vec<TableId>,
    /// What the rules need.
    pub needs: Needs,
    /// What own rules count, in their order.
    pub own: &'a [Selection],
    /// What each row of the first look must carry.
    pub extras: Extras,
}

/// What the first look saw, and of which rows it wants to know more.
pub(super) struct FirstLook {
    parts: Parts,
    leads: Leads,
}

/// Rows that deserve a second look, as they were at the first: suspicious ones
/// of ESTABLISHED, and those of rare states; and the ephemeral ports, of which
/// it does not tell how they were bound.
#[derive(Default)]
struct Leads {
    suspects: Vec<(Socket, Conn)>,
    rare: Vec<(Socket, Conn)>,
    ports: Option<Budgets>,
}

/// Who served it, and what is missing so far.
impl AsRef<Report> for FirstLook {
    fn as_ref(&self) -> &Report {
        &self.parts.report
    }
}

/// Who holds what, as far as it was looked up.
pub(super) struct Owned {
    pub(super) owners: Arc<Owners>,
    pub(super) gap: Option<Gap>,
    pub(super) dead_fds: Option<DeadFds>,
}

/// A look at the machine.
pub struct Looked {
    /// What the rules judge.
    pub frame: Frame,
    /// Who served it; its gaps are all gaps.
    pub report: Report,
}

/// What the states and tables told, before owners are known.
#[derive(Default)]
struct Parts {
    frame: Frame,
    report: Report,
    inodes: Vec<u32>,
}

impl FirstLook {
    /// Whether it may matter which connections were bound to a number.
    pub fn wants_numbers(&self) -> bool {
        self.leads.ports.as_ref().is_some_and(|ports| ports.touches(LEAST_PERCENT))
    }

    /// Parameters and counters.
    pub fn host(&self) -> &Host {
        &self.parts.frame.host
    }
}

/// The ephemeral ports, of which looks are kept, to measure growth by.
fn ports_of(mut ports: Budgets, numbers: Option<&Numbers>, parts: &mut Parts) {
    let untold = numbers.is_some_and(|numbers| !numbers.known);
    parts.report.gaps.extend(untold.then(unseen_numbers));
    let held = numbers.into_iter().flat_map(|numbers| &numbers.sockets);
    held.for_each(|socket| ports.hold(socket));
    parts.frame.ports = Some(ports.finish(LEAST_PERCENT));
}

impl Engine {
    /// Looks at what the rules need; `each` sees every row of the first look.
    ///
    /// # Errors
    /// When no table could be read.
    pub fn frame(
        &self,
        ask: &Ask<'_>,
        each: &mut dyn FnMut(&Row<'_>),
    ) -> Result<Looked, SourceError> {
        let first = self.first_look(ask, each)?;
        let numbers =
            first.wants_numbers().then(|| self.bound_by_number(first.host())).transpose()?;
        self.second_look(ask, first, numbers.as_ref(), &mut |inodes| self.owned(ask, inodes))
    }

    /// Reads every row once, nothing extra; `each` sees them all.
    ///
    /// # Errors
    /// When no table could be read.
    pub(super) fn first_look(
        &self,
        ask: &Ask<'_>,
        each: &mut dyn FnMut(&Row<'_>),
    ) -> Result<FirstLook, SourceError> {
        let mut parts = Parts::default();
        let (host, gaps) = self.host();
        parts.report.gaps.extend(gaps);
        parts.frame.host = host;
        let leads = self.glance(ask, each, &mut parts)?;
        Ok(FirstLook { parts, leads })
    }

    /// Looks closer at what the first look left; `numbers` are those that it
    /// wants, `own` finds out who holds the inodes it is given.
    ///
    /// # Errors
    /// When no table could be read.
    pub(super) fn second_look(
        &self,
        ask: &Ask<'_>,
        first: FirstLook,
        numbers: Option<&Numbers>,
        own: &mut dyn FnMut(&[u32]) -> Result<Owned, SourceError>,
    ) -> Result<Looked, SourceError> {
        let FirstLook { mut parts, mut leads } = first;
        if let Some(ports) = leads.ports.take() {
            ports_of(ports, numbers, &mut parts);
        }
        self.close_look(ask, leads, &mut parts)?;
        if ask.needs.udp {
            self.udp(ask, &mut parts)?;
        }
        self.listeners_of(ask, &mut parts)?;
        for selection in ask.own {
            let (counted, report) = self.counted(selection)?;
            parts.frame.counted.push(counted);
            parts.report.merge(report);
        }
        self.finish(parts, own)
    }

    /// The first look: every row of every table, nothing extra.
    fn glance(
        &self,
        ask: &Ask<'_>,
        each: &mut dyn FnMut(&Row<'_>),
        parts: &mut Parts,
    ) -> Result<Leads, SourceError> {
        if !ask.needs.glance {
            return Ok(Leads::default());
        }
        let host = &parts.frame.host;
        let mut glance = Glance::new(ask.needs.ports.then(|| Budgets::new(host)).flatten());
        let inodes = &mut parts.inodes;
        let want = Want { extras: ask.extras, ..Want::all_of(ask.tables.clone()) };
        let report = self.scan(&want, &mut |row| {
            if row.socket.table.proto == Proto::Tcp {
                glance.add(row);
            }
            if row.socket.inode != 0 {
                inodes.push(row.socket.inode);
            }
            each(row);
            ControlFlow::Continue(())
        })?;
        parts.report.merge(report);
        let frame = &mut parts.frame;
        frame.time_wait = glance.time_wait_rates();
        frame.tcp = glance.tcp;
        Ok(Leads { suspects: glance.suspects, rare: glance.rare, ports: glance.ports })
    }

    /// The second look, with tcp_info.
    fn close_look(
        &self,
        ask: &Ask<'_>,
        leads: Leads,
        parts: &mut Parts,
    ) -> Result<(), SourceError> {
        let tables = tcp(&ask.tables);
        if !ask.needs.conns || tables.is_empty() {
            return Ok(());
        }
        let Leads { suspects, rare, .. } = leads;
        let frame = &mut parts.frame;
        let (live, known) = (self.is_live(), ask.needs.glance);
        let (mut states, mut rows) = (StateSet::EMPTY, Vec::new());
        if known && live && is_cheaper_one_by_one(rare.len(), frame.tcp.total()) {
            rows.extend(rare);
        } else {
            let there = |state: &State| !known || frame.tcp.get(*state) > 0;
            states = RARE.into_iter().filter(there).collect();
        }
        if live && suspects.len() <= MAX_EXACT {
            rows.extend(suspects);
        } else {
            states = states.union(State::Established.into());
        }
        // What has changed to one of `states` meanwhile comes with the dump.
        let exact = exact(rows).into_iter().filter(|conn| !states.contains(conn.state));
        frame.conns.extend(exact);
        if states == StateSet::EMPTY {
            return Ok(());
        }
        let want = Want { states, extras: DETAILS, ..Want::all_of(tables) };
        let report = self.scan(&want, &mut |row| {
            if deserves_a_look(row) {
                frame.conns.extend(Conn::of(row));
            }
            ControlFlow::Continue(())
        })?;
        parts.report.merge(report);
        Ok(())
    }

    fn udp(&self, ask: &Ask<'_>, parts: &mut Parts) -> Result<(), SourceError> {
        let tables: Vec<TableId> =
            ask.tables.iter().copied().filter(|t| t.proto == Proto::Udp).collect();
        if tables.is_empty() {
            return Ok(());
        }
        let want =
            Want { extras: Extras { memory: true, ..Extras::default() }, ..Want::all_of(tables) };
        let udp = &mut parts.frame.udp;
        let report = self.scan(&want, &mut |row| {
            if row.facts.drops().is_some_and(|drops| drops > 0) {
                udp.extend(Conn::of(row));
            }
            ControlFlow::Continue(())
        })?;
        parts.report.merge(report);
        Ok(())
    }

    fn listeners_of(&self, ask: &Ask<'_>, parts: &mut Parts) -> Result<(), SourceError> {
        let wanted = |table: &TableId| match table.proto {
            Proto::Tcp => ask.needs.listeners,
            Proto::Unix => ask.needs.unix,
            _ => false,
        };
        let tables: Vec<TableId> = ask.tables.iter().copied().filter(wanted).collect();
        if !tables.is_empty() {
            let (listeners, report) = self.listeners_unowned(&tables)?;
            parts.frame.listeners = listeners;
            parts.report.merge(report);
        }
        Ok(())
    }

    /// How many sockets a filter selects, and of how many it cannot be told.
    fn counted(&self, selection: &Selection) -> Result<(Counted, Report), SourceError> {
        let mut lookups = self.lookups_for(selection);
        let kept = self.keep(&selection.want)?;
        let mut report = kept.report;
        if selection.needs().owners {
            let (owners, gap) = self.owners(kept.table.iter().map(|row| row.socket.inode));
            lookups.owners = owners.into();
            report.gaps.extend(gap);
        }
        let mut counted = Counted::default();
        for row in kept.table.iter() {
            match selection.judges(&row, &lookups) {
                Some(true) => counted.yes += 1,
                Some(false) => {}
                None => counted.unknown += 1,
            }
        }
        Ok((counted, report))
    }

    /// Owners, limits, and what hides something from the rules.
    fn finish(
        &self,
        parts: Parts,
        own: &mut dyn FnMut(&[u32]) -> Result<Owned, SourceError>,
    ) -> Result<Looked, SourceError> {
        let Parts { mut frame, mut report, mut inodes } = parts;
        frame.gaps = hiding(&report);
        let looked_at = frame.conns.iter().chain(&frame.udp).map(|conn| conn.inode);
        inodes.extend(looked_at.chain(frame.listeners.iter().map(|l| l.socket.inode)));
        let owned = own(&inodes)?;
        report.gaps.extend(owned.gap);
        frame.owners = owned.owners;
        frame.dead_fds = owned.dead_fds;
        frame.open_file_limits = self.limits(&frame);
        Ok(Looked { frame, report })
    }

    /// Searches for the owners of these inodes, and with them for descriptors
    /// that no table lists where the rules need those.
    fn owned(&self, ask: &Ask<'_>, inodes: &[u32]) -> Result<Owned, SourceError> {
        if !ask.needs.descriptors {
            let (owners, gap) = self.owners(inodes.iter().copied());
            return Ok(Owned { owners: owners.into(), gap, dead_fds: None });
        }
        match owners::scan(&self.proc_root, None) {
            Ok(owners) => {
                let wanted = known(inodes);
                let gap = owner_gap(&wanted, &owners);
                let dead_fds = self.dead_fds(ask, &wanted, &owners)?;
                Ok(Owned { owners: owners.into(), gap, dead_fds })
            }
            Err(error) => {
                let gap = Some(Gap::new("owners", error.to_string()));
                Ok(Owned { owners: Arc::default(), gap, dead_fds: None })
            }
        }
    }

    /// Sockets of processes that no table lists, where all tables were read.
    pub(super) fn dead_fds(
        &self,
        ask: &Ask<'_>,
        known: &FxHashSet<u32>,
        owners: &Owners,
    ) -> Result<Option<DeadFds>, SourceError> {
        let tables = tcp(&ask.tables);
        let complete = ask.needs.glance && tables.len() == 2;
        if !complete {
            return Ok(None);
        }
        let candidates = dead_fds::candidates(&self.proc_root, known, owners);
        if candidates.is_empty() {
            return Ok(Some(dead_fds::none(owners)));
        }
        // What came about since the first look is listed now.
        let mut listed = FxHashSet::default();
        self.scan(&Want::all_of(tables), &mut |row| {
            listed.insert(row.socket.inode);
            ControlFlow::Continue(())
        })?;
        Ok(Some(dead_fds::confirmed(&self.proc_root, candidates, &listed, owners)))
    }

    fn limits(&self, frame: &Frame) -> FxHashMap<u32, u64> {
        let mut counts: FxHashMap<u32, u64> = FxHashMap::default();
        for conn in frame.in_state(State::CloseWait) {
            for holder in frame.owners.of(conn.inode) {
                *counts.entry(holder.pid).or_default() += 1;
            }
        }
        let several = counts.into_iter().filter(|(_, count)| *count >= SEVERAL);
        // A limit that cannot be read makes the rule rely on the count alone.
        several
            .filter_map(|(pid, _)| {
                let limit = processes::max_open_files(&self.proc_root, pid).ok()??;
                Some((pid, limit))
            })
            .collect()
    }
}

/// What the second look asks for.
const DETAILS: Extras = Extras { tcp_info: true, memory: true, congestion: false, tos: false };

/// The inodes that are any.
pub(super) fn known(inodes: &[u32]) -> FxHashSet<u32> {
    inodes.iter().copied().filter(|inode| *inode != 0).collect()
}

fn tcp(tables: &[TableId]) -> Vec<TableId> {
    tables.iter().copied().filter(|t| t.proto == Proto::Tcp).collect()
}

/// Whether the rules need a row of the second look.
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

/// These rows as they are now, without those that are gone or need no look any
/// more. Where they cannot be asked for (no cookies without sock_diag) the first
/// look stands.
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

/// Gaps that hide rows or numbers from the rules. A table read from /proc has
/// all its rows; the rules themselves see which of their numbers it lacks.
fn hiding(report: &Report) -> Vec<Gap> {
    let fallback = |gap: &&Gap| {
        report.served.iter().any(|s| s.table.name() == gap.what && s.by == Served::Proc)
    };
    report.gaps.iter().filter(|gap| !fallback(gap) && gap.what != "owners").cloned().collect()
}
