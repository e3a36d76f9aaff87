//! What each way of reading says, as rows of one kind.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, ensure};
use sockstate::testing::answer;
use sockstate::testing::group::GroupKey;
use sockstate::testing::machine::Machine;
use sockstate::testing::model::address::Endpoint;
use sockstate::testing::model::proto::{Family, Proto, TableId};
use sockstate::testing::model::queues::Queues;
use sockstate::testing::model::row::Row;
use sockstate::testing::model::socket::Socket;
use sockstate::testing::model::want::Want;
use sockstate::testing::query::Selection;
use sockstate::testing::source::{Choice, Shortcuts};

use crate::differential::ss::InetRow;
use crate::kit::Result;

/// Every way to read, the plain one first.
pub const WAYS: [(&str, Shortcuts); 5] = [
    ("plain", Shortcuts::NONE),
    ("one walk", Shortcuts { one_walk: true, ..Shortcuts::NONE }),
    ("two threads", Shortcuts { one_walk: true, two_threads: Some(true), ..Shortcuts::NONE }),
    ("census", Shortcuts { census: true, ..Shortcuts::NONE }),
    ("all", Shortcuts { one_walk: true, two_threads: Some(true), sums: true, census: true }),
];

pub fn machine(shortcuts: Shortcuts) -> Machine {
    Machine::with_shortcuts(Choice::Netlink, Path::new("/proc"), shortcuts)
}

/// TCP of both families in every state.
pub fn everything() -> Want {
    let tcp = TableId::ALL.into_iter().filter(|table| table.proto == Proto::Tcp).collect();
    Want { any_order: true, ..Want::all_of(tcp) }
}

/// Every row, sorted.
pub fn rows(shortcuts: Shortcuts) -> Result<Vec<InetRow>> {
    let mut rows = Vec::new();
    let report = machine(shortcuts).scan(&everything(), &mut |row| {
        rows.push(inet_row(row));
        ControlFlow::Continue(())
    })?;
    ensure!(report.gaps.is_empty(), "{:?}", report.gaps);
    let mut rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
    rows.sort();
    Ok(rows)
}

/// Sockets by state; states without any are left out.
pub fn counts(shortcuts: Shortcuts) -> Result<BTreeMap<String, u64>> {
    let selection = Selection::all(everything());
    let count = answer::count(&machine(shortcuts), &selection, vec![GroupKey::State])?;
    ensure!(count.report.gaps.is_empty(), "{:?}", count.report.gaps);
    let groups = count.groups.iter().filter(|group| group.count > 0);
    Ok(groups.map(|group| (format!("{:?}", group.values), group.count)).collect())
}

fn inet_row(row: &Row<'_>) -> Result<InetRow> {
    let socket = &row.socket;
    let (recv_q, send_q) = match Queues::of(row) {
        Queues::Bytes { recv, send } => (recv, send),
        Queues::Accept(queue) => (queue.len, queue.limit),
    };
    Ok(InetRow {
        state: socket.state.to_string(),
        recv_q: recv_q.context("recv_q")?.into(),
        send_q: send_q.map(u64::from),
        local: end(socket, socket.local())?,
        remote: end(socket, socket.remote())?,
        on_device: socket.ifindex != 0,
        uid: socket.uid.unwrap_or(0).into(),
        inode: socket.inode.into(),
        cookie: Some(socket.cookie),
    })
}

fn end(socket: &Socket, end: Option<Endpoint>) -> Result<SocketAddr> {
    let end = end.context("an end")?;
    let ip = match end.address.to_ip() {
        IpAddr::V4(ip) if socket.table.family == Family::Inet6 => ip.to_ipv6_mapped().into(),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, end.port))
}
