//! One table by sock_diag.

use std::io;
use std::ops::ControlFlow;

use netlink_packet_sock_diag::unix::ShowFlags;

use crate::kernel::inet_diag::{InetMessage, extension};
use crate::kernel::netlink::Dump;
use crate::kernel::request::{self, AF_INET, AF_INET6, InetDump};
use crate::kernel::unix_diag::UnixMessage;
use crate::model::facts::Facts;
use crate::model::gap::Gap;
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::state::{State, StateSet};
use crate::model::want::{Extras, Family, Proto, TableId, Want};
use crate::sys::netlink::{DiagSocket, End};

use super::{Reading, Sink};

/// `IPPROTO_*` of an inet table's request.
fn protocol(proto: Proto) -> u8 {
    match proto {
        Proto::Udp => 17,
        Proto::Raw => 255,
        Proto::Tcp | Proto::Unix => 6,
    }
}

/// Reads `table`; an error means that not one row was handed on.
pub(super) fn read(
    socket: &mut DiagSocket,
    table: TableId,
    want: &Want,
    sink: &mut Sink<'_>,
) -> io::Result<Reading> {
    let states = want.states_of(table);
    let mut short_rows = 0;
    let mut each = |payload: &[u8]| match decode(payload, table) {
        Some(row) if states.contains(row.socket.state) => sink(&row),
        // A socket may change state between the kernel's look and its answer.
        Some(_) => ControlFlow::Continue(()),
        None => {
            short_rows += 1;
            ControlFlow::Continue(())
        }
    };
    let outcome = socket.dump(&|seq| request(table, want, states, seq), &mut each);
    let mut reading = Reading {
        rows: outcome.dump.rows,
        gaps: gaps(table, &outcome.dump, short_rows),
        stopped: false,
    };
    match outcome.end {
        End::Done => return Ok(reading),
        End::Stopped => reading.stopped = true,
        End::Failed(error) if outcome.dump.rows == 0 => return Err(error),
        End::Failed(error) => reading.gaps.push(
            Gap::new(table.name(), format!("the kernel broke the dump off: {error}"))
                .remedy("run it again"),
        ),
    }
    // The kernel still counts the abandoned dump as running.
    *socket = DiagSocket::open()?;
    Ok(reading)
}

#[inline]
fn decode<'a>(payload: &'a [u8], table: TableId) -> Option<Row<'a>> {
    if table.proto == Proto::Unix {
        let message = UnixMessage::parse(payload)?;
        let facts = Facts::Unix(message.attributes);
        return Some(Row { socket: Socket::from_unix_diag(&message), facts });
    }
    let message = InetMessage::parse(payload)?;
    let facts = Facts::Inet(message.attributes);
    Some(Row { socket: Socket::from_inet_diag(&message, table.proto), facts })
}

fn request(table: TableId, want: &Want, states: StateSet, seq: u32) -> Vec<u8> {
    if table.proto == Proto::Unix {
        let mut show = ShowFlags::empty();
        show.set(ShowFlags::MEMINFO, want.extras.memory);
        show.set(ShowFlags::ICONS, want.extras.unix_waiting);
        return request::unix_dump(states.bits(), show, seq);
    }
    let ask = InetDump {
        family: if table.family == Family::Inet6 { AF_INET6 } else { AF_INET },
        protocol: protocol(table.proto),
        states: state_mask(states),
        extensions: extensions(want.extras, table.proto),
        local_port: want.local_port.unwrap_or(0),
    };
    request::inet_dump(ask, seq)
}

/// A TCP socket in CLOSE is found by the walk for bound sockets only, so
/// either of the two states asks for both.
fn state_mask(states: StateSet) -> u32 {
    if states.contains(State::Close) {
        states.union(State::Bound.into()).bits()
    } else {
        states.bits()
    }
}

fn extensions(extras: Extras, proto: Proto) -> u8 {
    let tcp = proto == Proto::Tcp;
    let wanted = [
        (extras.tcp_info && tcp, extension::INFO),
        (extras.congestion && tcp, extension::CONG),
        (extras.memory, extension::SKMEMINFO),
    ];
    wanted.iter().filter(|(ask, _)| *ask).fold(0, |mask, (_, bit)| mask | bit)
}

fn gaps(table: TableId, dump: &Dump, short_rows: u64) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut note = |count: Option<u64>, reason: &str| {
        let mut gap = Gap::new(table.name(), reason).remedy("run it again");
        gap.count = count;
        gaps.push(gap);
    };
    if dump.interrupted {
        note(None, "the table changed while it was read: rows may be missing or twice");
    }
    if dump.overruns > 0 {
        note(None, "the kernel dropped part of its answer");
    }
    if dump.truncated > 0 {
        note(None, "an answer was longer than the receive buffer: its last rows are missing");
    }
    match dump.malformed + short_rows {
        0 => {}
        1 => note(Some(1), "message could not be decoded"),
        several => note(Some(several), "messages could not be decoded"),
    }
    gaps
}
