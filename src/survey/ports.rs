//! The budgets of ephemeral ports.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use crate::budget::Budgets;
use crate::kernel::bytecode::{Code, SocketEnd, Test, assemble};
use crate::model::address::{Address, Endpoint};
use crate::model::gap::Gap;
use crate::model::hash::KeyedMap;
use crate::model::host::Host;
use crate::model::owner::Owners;
use crate::model::ports::{Budget, PortUse};
use crate::model::proto::{Proto, TableId};
use crate::model::socket::Socket;
use crate::model::state::{State, StateSet};
use crate::model::table::Table;
use crate::model::want::{Narrow, Want};
use crate::source::{Report, Served, SourceError};

use crate::machine::Machine;
use crate::query::{Lookups, Selection};

/// The budgets, and what they rest on.
pub struct PortsView {
    /// The budgets; `None` when the range of ephemeral ports could not be read.
    pub ports: Option<PortUse>,
    /// True where connections that were bound to a port by its number are among
    /// what blocks ports; only sock_diag can tell.
    pub explicit_known: bool,
    /// True where sockets that are bound and not connected are; sock_diag lists
    /// them since Linux 6.8.
    pub bound_known: bool,
    /// The processes that opened the connections of a budget, where that was
    /// asked for.
    pub openers: Openers,
    /// The sources that served it, and the gaps.
    pub report: Report,
}

/// The processes that hold the connections of each budget.
#[derive(Default)]
pub struct Openers {
    counts: KeyedMap<(Address, Endpoint), BTreeMap<u32, u32>>,
    owners: Owners,
}

impl Openers {
    /// Returns process id, raw command name and number of connections, the most
    /// first.
    pub fn of(&self, budget: &Budget) -> Vec<(u32, &[u8], u32)> {
        let counts = self.counts.get(&(budget.source, budget.destination)).into_iter().flatten();
        let mut all: Vec<_> =
            counts.map(|(pid, count)| (*pid, self.owners.comm(*pid), *count)).collect();
        all.sort_by_key(|(pid, _, count)| (std::cmp::Reverse(*count), *pid));
        all
    }

    fn new(connections: &[(Address, Endpoint, u32)], owners: Owners) -> Self {
        let mut counts: KeyedMap<_, BTreeMap<u32, u32>> = KeyedMap::default();
        for (source, destination, inode) in connections {
            let of_budget = counts.entry((*source, *destination)).or_default();
            let pids: BTreeSet<u32> = owners.of(*inode).iter().map(|holder| holder.pid).collect();
            pids.into_iter().for_each(|pid| *of_budget.entry(pid).or_default() += 1);
        }
        Self { counts, owners }
    }
}

/// Connections whose ports `bind()` was told, one of each port.
#[derive(Default)]
pub struct Numbers {
    /// The sockets.
    pub sockets: Vec<Socket>,
    /// True where every table could tell.
    pub known: bool,
}

/// Counts the ephemeral ports in use by the connections that are selected,
/// against what all sockets leave of the range; with `processes` also who
/// opened them.
///
/// # Errors
/// When no table could be read.
pub fn ports(
    machine: &Machine,
    selection: &Selection,
    processes: bool,
) -> Result<PortsView, SourceError> {
    let (host, gaps) = machine.host();
    let mut report = Report::default();
    report.gaps.extend(gaps);
    let Some(mut budgets) = Budgets::new(&host) else {
        if report.gaps.is_empty() {
            report.gaps.push(Gap::new("sysctls", "the range of ephemeral ports is not known"));
        }
        let openers = Openers::default();
        return Ok(PortsView {
            ports: None,
            explicit_known: false,
            bound_known: false,
            openers,
            report,
        });
    };
    report.merge(held(machine, &mut budgets)?);
    let numbers = bound_by_number(machine, &host)?;
    numbers.sockets.iter().for_each(|socket| budgets.hold(socket));
    let explicit_known = numbers.known;
    // TCP_BOUND_INACTIVE, inet_diag_dump_icsk.
    let listed = host.kernel.is_none_or(|release| release >= (6, 8));
    report.gaps.extend((!explicit_known).then(unseen_numbers));
    report.gaps.extend((!listed).then(unseen_binds));
    let mut opened = Vec::new();
    let found = outgoing(machine, selection, &host, &mut |socket| {
        let counted = budgets.add(socket) && processes && socket.inode != 0;
        if let (true, Some(local), Some(remote)) = (counted, socket.local(), socket.remote()) {
            opened.push((local.address, remote, socket.inode));
        }
    })?;
    report.merge(found);
    let (owners, gap) = machine.owners(opened.iter().map(|(_, _, inode)| *inode));
    report.gaps.extend(gap);
    let openers = Openers::new(&opened, owners);
    let bound_known = listed && explicit_known;
    let ports = Some(budgets.finish(0));
    Ok(PortsView { ports, explicit_known, bound_known, openers, report })
}

/// Counts the listeners and sockets that are only bound: neither is among the
/// connections, so the kernel leaves its large table out.
fn held(machine: &Machine, budgets: &mut Budgets) -> Result<Report, SourceError> {
    let states = StateSet::from_iter([State::Listen, State::Bound]);
    let want = Want { states, ..Want::all_of(tcp_tables()) };
    machine.scan(&want, &mut |row| {
        budgets.hold(&row.socket);
        ControlFlow::Continue(())
    })
}

/// Lists the ports that were given to `bind()` by connections: the kernel's test
/// is asked for in a program, for which it walks its whole table.
pub fn bound_by_number(machine: &Machine, host: &Host) -> Result<Numbers, SourceError> {
    let bound = Code::Not(Box::new(Code::Test(Test::Unbound)));
    let Some(want) = in_range(host, Some(bound)) else { return Ok(Numbers::default()) };
    let mut found = FxHashMap::default();
    let report = machine.scan(&want, &mut |row| {
        // Minisockets and requests do not tell, whatever was asked.
        if !StateSet::bucket().contains(row.socket.state) {
            // One port may be bound to for many destinations.
            let port = row.socket.local().map(|local| local.port);
            found.entry((row.socket.table, port)).or_insert(row.socket);
        }
        ControlFlow::Continue(())
    })?;
    let told = |table| report.served.iter().all(|s| s.table != table || s.by == Served::Netlink);
    let sockets = found.into_values().filter(|socket| told(socket.table)).collect();
    let known = report.served.iter().all(|served| served.by == Served::Netlink);
    Ok(Numbers { sockets, known })
}

fn outgoing(
    machine: &Machine,
    selection: &Selection,
    host: &Host,
    each: &mut dyn FnMut(&Socket),
) -> Result<Report, SourceError> {
    let mut want = selection.want.clone();
    want.states = want.states.intersect(StateSet::connected());
    if let Some(all) = in_range(host, None).filter(|_| want.narrow.is_empty()) {
        want.narrow = all.narrow;
    }
    let mut lookups = Lookups::of(machine, selection.needs());
    if !selection.needs().owners {
        return machine.scan(&want, &mut |row| {
            if selection.takes(row, &lookups, true) {
                each(&row.socket);
            }
            ControlFlow::Continue(())
        });
    }
    // Owners are looked up for the inodes that matter, so the rows wait.
    let mut table = Table::default();
    let mut report = machine.scan(&want, &mut |row| {
        if selection.takes(row, &lookups, false) {
            table.push(row);
        }
        ControlFlow::Continue(())
    })?;
    let (owners, gap) = machine.owners(table.iter().map(|row| row.socket.inode));
    report.gaps.extend(gap);
    lookups.owners = owners.into();
    for row in table.iter().filter(|row| selection.takes(row, &lookups, true)) {
        each(&row.socket);
    }
    Ok(report)
}

/// Returns the gap of connections bound to a port by its number, which could not
/// be told from others.
pub fn unseen_numbers() -> Gap {
    Gap::new("binds", "connections bound to a port by its number are not told from others")
        .remedy("read from netlink")
}

/// Returns the gap of sockets that are bound and not connected, which could not
/// be listed.
fn unseen_binds() -> Gap {
    Gap::new("binds", "sockets that are bound and not connected are not listed")
        .remedy("Linux 6.8 lists them")
}

fn tcp_tables() -> Vec<TableId> {
    TableId::ALL.into_iter().filter(|table| table.proto == Proto::Tcp).collect()
}

/// Returns the connections with a port of the range, and `also`; `None` when the
/// range is not known.
fn in_range(host: &Host, also: Option<Code>) -> Option<Want> {
    let (low, high) = host.sysctls.local_port_range()?;
    let from = Code::Test(Test::PortFrom(SocketEnd::Local, low));
    let to = Code::Test(Test::PortUpTo(SocketEnd::Local, high));
    let tests = [Some(from), Some(to), also].into_iter().flatten().collect();
    let program = assemble(&Code::And(tests)).ok()?;
    let states = StateSet::connected();
    let narrow = Narrow { states, local_port: None, program: Some(program) };
    let tables = tcp_tables();
    let narrow = tables.iter().map(|table| (*table, narrow.clone())).collect();
    Some(Want { states, narrow, ..Want::all_of(tables) })
}
