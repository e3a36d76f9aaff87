//! One table by its file in `/proc/net`, and what that loses.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use crate::kernel::{proc_net, proc_other};
use crate::model::facts::Facts;
use crate::model::gap::Gap;
use crate::model::proto::{Proto, TableId};
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::state::{State, StateSet};
use crate::model::want::Want;
use crate::sys::procfs;

use super::reading::{Reading, Sink};

/// Reads `table`; an error means that the file could not be opened or that
/// reading it failed.
pub(super) fn read(
    proc_root: &Path,
    table: TableId,
    want: &Want,
    sink: &mut Sink<'_>,
) -> io::Result<Reading> {
    let mut reading = Reading::default();
    let mut malformed = 0;
    let states = want.states_of(table);
    let file = table.proc_file().ok_or(io::ErrorKind::NotFound)?;
    procfs::lines(&mut procfs::open_net(proc_root, file)?, &mut |line| {
        if proc_net::is_header(line) {
            return ControlFlow::Continue(());
        }
        let Some(row) = decode(line, table) else {
            malformed += 1;
            return ControlFlow::Continue(());
        };
        if !states.contains(row.socket.state) || !has_port(&row, want.local_port_of(table)) {
            return ControlFlow::Continue(());
        }
        reading.rows += 1;
        let flow = sink(&row);
        reading.stopped = flow.is_break();
        flow
    })?;
    if malformed > 0 {
        let lines = if malformed == 1 { "line" } else { "lines" };
        let reason = format!("{lines} of /proc/net/{file} could not be read");
        reading.gaps.push(Gap::new(table.name(), reason).count(malformed));
    }
    Ok(reading)
}

fn has_port(row: &Row<'_>, port: Option<u16>) -> bool {
    port.is_none_or(|port| row.socket.local().is_some_and(|local| local.port == port))
}

fn decode(line: &[u8], table: TableId) -> Option<Row<'_>> {
    match table.proto {
        Proto::Unix => {
            let line = proc_net::unix_line(line)?;
            let facts = line.path.map_or(Facts::None, Facts::ProcPath);
            Some(Row { socket: Socket::from_proc_unix(&line), facts })
        }
        Proto::Netlink => {
            let line = proc_other::netlink_line(line)?;
            let facts = Facts::ProcDrops(line.drops);
            Some(Row { socket: Socket::from_proc_netlink(&line), facts })
        }
        Proto::Packet => {
            let line = proc_other::packet_line(line)?;
            Some(Row { socket: Socket::from_proc_packet(&line), facts: Facts::None })
        }
        _ => {
            let line = proc_net::inet_line(line)?;
            let facts = line.drops.map_or(Facts::None, Facts::ProcDrops);
            Some(Row { socket: Socket::from_proc_inet(&line, table), facts })
        }
    }
}

/// Tells whether `want` asks only for what the file of `table` never has, so that no
/// rows mean nothing: TCP sockets that are neither connected nor listening.
pub(super) fn cannot_show(table: TableId, want: &Want) -> bool {
    let hidden = StateSet::from_iter([State::Bound, State::Close]);
    table.proto == Proto::Tcp && want.states_of(table).is_subset(hidden)
}

/// Tells whether reading `/proc` loses anything that `want` asks for. Many a kernel has
/// no diag module for these tables, whose files have all that is usually shown.
pub(super) fn loses(table: TableId, want: &Want) -> bool {
    let has_usual = matches!(table.proto, Proto::Raw | Proto::Ping | Proto::Udplite);
    !has_usual || want.details || want.extras.memory
}

/// Says what reading `/proc` instead of sock_diag loses, and why it was read.
pub(super) fn loss(table: TableId, why: &str) -> Gap {
    let lost = match table.proto {
        Proto::Tcp => {
            "no accept-queue limits, no listener drops, no cookies, no tcp_info, \
             no bound sockets, no devices, no marks, no cgroups"
        }
        Proto::Unix => "no queues, no peers, no user ids, no cookies",
        Proto::Netlink => "no peers, no cookies, no socket types",
        _ => "no cookies, no devices, no marks, no socket memory, no cgroups",
    };
    let file = table.proc_file().unwrap_or_default();
    Gap::new(table.name(), format!("read from /proc/net/{file}: {lost} ({why})"))
}
