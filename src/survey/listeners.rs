//! Every listener with its queues and who waits in them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::backlog::Backlog;
use crate::model::gap::Gap;
use crate::model::host::Host;
use crate::model::listener::{HalfOpen, Listener};
use crate::model::owner::Owners;
use crate::model::proto::{Proto, TableId};
use crate::model::queues::Queues;
use crate::model::row::Row;
use crate::model::state::{State, StateSet};
use crate::model::want::{Extras, Want};
use crate::source::{Report, SourceError};

use crate::machine::{Kept, Machine};
use crate::query::{Lookups, Selection};

/// More ports than this are read in one walk instead of one walk a port.
const MAX_PORT_WALKS: usize = 4;

/// Sockets from which on a walk for half-open connections takes longer than
/// everything else here: 5 ms.
const LONG_WALK: u64 = 50_000;

/// Counters that rise when a listener's queues are full. On a kernel that lacks
/// one of them nothing is calm.
const TROUBLE: [&str; 5] =
    ["ListenOverflows", "ListenDrops", "SyncookiesSent", "TCPReqQFullDrop", "TCPReqQFullDoCookies"];

/// Every listener.
pub struct ListenersView {
    /// In the order of the tables.
    pub listeners: Vec<Listener>,
    /// The processes that listen.
    pub owners: Arc<Owners>,
    /// `net.core.somaxconn`, which bounds every limit.
    pub somaxconn: Option<u64>,
    /// The sources that served it, and the gaps.
    pub report: Report,
}

/// Lists the listeners that are selected, with what waits behind them. What
/// takes long where there are very many sockets is left out, and a gap, unless
/// it is to be `thorough`.
///
/// # Errors
/// When no table could be read.
pub fn listeners(
    machine: &Machine,
    selection: &Selection,
    thorough: bool,
) -> Result<ListenersView, SourceError> {
    let Kept { table, mut report } = machine.keep(&listening(&selection.want))?;
    let mut lookups = Lookups::of(machine, selection.needs());
    let inodes = table.iter().map(|row| row.socket.inode);
    let thorough_owners = thorough || selection.needs().owners;
    let (owners, gap) =
        if thorough_owners { machine.owners(inodes) } else { machine.owners_of_listeners(inodes) };
    lookups.owners = owners.into();
    report.gaps.extend(gap);
    let selected = table.iter().filter(|row| selection.takes(row, &lookups, true));
    let mut listeners: Vec<Listener> = selected.filter_map(|row| listener(&row)).collect();
    let (host, gaps) = machine.host();
    report.gaps.extend(gaps);
    if thorough || !is_calm(machine, &host, &listeners) {
        report.merge(behind(machine, &selection.want.tables, &mut listeners)?);
    } else {
        report.gaps.push(
            Gap::new(
                "syn_queue",
                "half-open connections were not looked for: the table is \
                      large, and no listener ever dropped one",
            )
            .remedy("-p looks for them"),
        );
    }
    let somaxconn = host.sysctls.somaxconn();
    Ok(ListenersView { listeners, owners: lookups.owners, somaxconn, report })
}

/// Tells whether nothing hints at trouble at a listener, in a table that takes
/// long to walk.
fn is_calm(machine: &Machine, host: &Host, listeners: &[Listener]) -> bool {
    let sockets = || ["TCP", "TCP6"].map(|group| host.counters.get(group, "inuse").unwrap_or(0));
    machine.sees_own_namespace()
        && sockets().iter().sum::<u64>() >= LONG_WALK
        && listeners.iter().all(|listener| listener.queue.len == Some(0))
        && TROUBLE.iter().all(|counter| host.counters.get("TcpExt", counter) == Some(0))
}

/// Lists all listeners of some tables, before anyone asks whose they are.
pub fn listeners_unowned(
    machine: &Machine,
    tables: &[TableId],
) -> Result<(Vec<Listener>, Report), SourceError> {
    let Kept { table, mut report } = machine.keep(&listening(&Want::all_of(tables.to_vec())))?;
    let mut listeners: Vec<Listener> = table.iter().filter_map(|row| listener(&row)).collect();
    report.merge(behind(machine, tables, &mut listeners)?);
    Ok((listeners, report))
}

/// Counts the half-open connections of all listeners, and the connections waiting
/// at those whose queue is not empty.
fn behind(
    machine: &Machine,
    tables: &[TableId],
    listeners: &mut [Listener],
) -> Result<Report, SourceError> {
    let tcp: Vec<TableId> = tables.iter().copied().filter(|t| t.proto == Proto::Tcp).collect();
    if listeners.is_empty() || tcp.is_empty() {
        return Ok(Report::default());
    }
    let ports: BTreeSet<u16> = listeners
        .iter()
        .filter(|l| l.queue.len.is_some_and(|len| len > 0))
        .filter_map(|l| Some(l.socket.local()?.port))
        .collect();
    for listener in listeners.iter_mut().filter(|l| l.socket.table.proto == Proto::Tcp) {
        listener.syn_queue = Some(0);
    }
    let mut backlog = Backlog::new(listeners);
    let half_open = Want { states: State::SynRecv.into(), ..Want::all_of(tcp.clone()) };
    let waiting = Want {
        states: StateSet::from_iter([State::Established, State::CloseWait]),
        extras: Extras { tcp_info: true, ..Extras::default() },
        ..Want::all_of(tcp.clone())
    };
    let mut walks = vec![half_open];
    if ports.len() > MAX_PORT_WALKS {
        walks.push(waiting);
    } else {
        let of_port = |port| Want { local_port: Some(port), ..waiting.clone() };
        walks.extend(ports.into_iter().map(of_port));
    }
    let mut report = Report::default();
    for want in walks {
        report.merge(machine.scan(&want, &mut |row| {
            backlog.add(row);
            ControlFlow::Continue(())
        })?);
    }
    Ok(report)
}

/// Returns the LISTEN rows alone: the kernel then leaves out its table of
/// connections altogether (`tcp_diag_dump`).
fn listening(want: &Want) -> Want {
    let extras = want.extras.union(Extras { memory: true, ..Extras::default() });
    Want { states: State::Listen.into(), extras, ..want.clone() }
}

fn listener(row: &Row<'_>) -> Option<Listener> {
    let Queues::Accept(queue) = Queues::of(row) else { return None };
    Some(Listener {
        socket: row.socket,
        queue,
        unix_name: row.facts.unix_name().map(|name| (name.is_abstract, name.bytes.to_vec())),
        syn_queue: None,
        half_open: HalfOpen::default(),
        waiting: Vec::new(),
        shared_by: 1,
    })
}
