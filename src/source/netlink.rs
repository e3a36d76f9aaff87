//! One table by sock_diag.

use std::io;
use std::net::IpAddr;
use std::ops::ControlFlow;

use netlink_packet_sock_diag::unix::ShowFlags;

use crate::kernel::inet_diag::{InetMessage, extension};
use crate::kernel::netlink::Dump;
use crate::kernel::netlink_diag::NetlinkMessage;
use crate::kernel::packet_diag::PacketMessage;
use crate::kernel::request::{self, AF_INET, AF_INET6, InetDump, InetId};
use crate::kernel::unix_diag::UnixMessage;
use crate::kernel::vsock_diag::VsockMessage;
use crate::model::address::Endpoint;
use crate::model::facts::Facts;
use crate::model::gap::Gap;
use crate::model::identity::Identity;
use crate::model::proto::{Family, Proto, TableId};
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::state::{State, StateSet};
use crate::model::want::{Extras, Want};
use crate::sys::netlink::{self, DiagSocket, DumpEnd, DumpOutcome};

use super::parallel::{self, Unable, Way};
use super::reading::{Reading, Sink};

/// Returns `IPPROTO_*` of an inet table's request; `None` for other families and for
/// a protocol that no diag module serves.
fn protocol(proto: Proto) -> Option<u16> {
    Some(match proto {
        Proto::Tcp => 6,
        Proto::Mptcp => 262,
        Proto::Udp => 17,
        Proto::Udplite => 136,
        Proto::Raw => 255,
        Proto::Sctp => 132,
        Proto::Dccp => 33,
        Proto::Ping | Proto::Unix | Proto::Netlink | Proto::Packet | Proto::Vsock => return None,
    })
}

/// Returns how a request names one socket; `None` for one that is not of an inet table
/// with a diag module, or whose cookie is not known.
pub fn inet_id(socket: &Socket) -> Option<InetId> {
    if socket.cookie == 0 { None } else { id_with(socket, socket.cookie) }
}

/// `INET_DIAG_NOCOOKIE`: whichever socket has the ends.
const ANY_COOKIE: u64 = u64::MAX;

fn id_with(socket: &Socket, cookie: u64) -> Option<InetId> {
    let (local, remote) = (socket.local()?, socket.remote()?);
    let v6 = socket.table.family == Family::Inet6;
    let address = |end: Endpoint| {
        let ip = if v6 { IpAddr::from(*end.address.octets()) } else { end.address.to_ip() };
        (ip, end.port)
    };
    Some(InetId {
        family: if v6 { AF_INET6 } else { AF_INET },
        protocol: protocol(socket.table.proto)?,
        local: address(local),
        remote: address(remote),
        ifindex: socket.ifindex,
        cookie,
    })
}

/// Hands on the row of each of these sockets that is still there, with what
/// `extras` asks for. Returns the places of those of which the kernel could not
/// be asked, in order.
///
/// # Errors
/// When there is no sock_diag.
pub fn exactly<'s>(
    sockets: impl Iterator<Item = &'s Socket>,
    extras: Extras,
    sink: &mut Sink<'_>,
) -> io::Result<Vec<usize>> {
    let mut diag = DiagSocket::open()?;
    let _raised = netlink::raise();
    let mut unasked = Vec::new();
    for (place, socket) in sockets.enumerate() {
        let Some(id) = inet_id(socket) else {
            unasked.push(place);
            continue;
        };
        let table = socket.table;
        let ask = |seq| request::one(&id, extensions(extras, table.proto), seq);
        let asked = diag.get(&ask, &mut |payload| {
            if let Some(row) = decode(payload, table) {
                let _ = sink(&row);
            }
        });
        if asked.is_err_and(|error| !is_gone(&error)) {
            unasked.push(place);
        }
    }
    Ok(unasked)
}

/// Tells whether the kernel says that there is no such socket any more, or another one
/// in its place (`inet_diag_find_one_icsk`, `sock_diag_check_cookie`).
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESTALE))
}

/// The finding of an exact request.
#[derive(Clone, Copy, Debug)]
pub enum ExactAnswer<'r> {
    /// The socket's row.
    Row(&'r Row<'r>),
    /// There is no such socket.
    Nothing,
    /// The kernel could not be asked for it.
    NotAsked,
}

/// Asks the kernel for one socket by its ends and cookie.
pub fn exact(socket: &mut DiagSocket, identity: &Identity, found: &mut dyn FnMut(ExactAnswer<'_>)) {
    ask(socket, identity, inet_id(&Socket::of_identity(identity, State::Close)), found);
}

/// Asks the kernel for what has these ends, where no cookie is known. It can be
/// another socket than the one meant: even the listener of the port.
pub fn by_ends(
    socket: &mut DiagSocket,
    identity: &Identity,
    found: &mut dyn FnMut(ExactAnswer<'_>),
) {
    let id = id_with(&Socket::of_identity(identity, State::Close), ANY_COOKIE);
    ask(socket, identity, id, found);
}

fn ask(
    socket: &mut DiagSocket,
    identity: &Identity,
    id: Option<InetId>,
    found: &mut dyn FnMut(ExactAnswer<'_>),
) {
    let Some(id) = id else { return found(ExactAnswer::NotAsked) };
    let mut any = false;
    let asked = socket.get(&|seq| request::get(&id, seq), &mut |payload| {
        if let Some(row) = decode(payload, identity.table) {
            any = true;
            found(ExactAnswer::Row(&row));
        }
    });
    match asked {
        Ok(()) if any => {}
        Ok(()) => found(ExactAnswer::Nothing),
        Err(_) => found(ExactAnswer::NotAsked),
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
    if request(table, want, states, 0).is_none() {
        return Err(io::Error::from_raw_os_error(libc::EPROTONOSUPPORT));
    }
    let ask = |seq| request(table, want, states, seq).unwrap_or_default();
    let mut each = |row: &Row<'_>| sink(row);
    dump(socket, table, &DumpQuestion { want, states, request: &ask }, &mut each)
}

/// Reads both TCP tables in one walk and returns the reading of each; an error
/// means that not one row was handed on. The tables must be wanted alike, see
/// [`Want::reads_alike`].
pub(super) fn read_tcp(
    socket: &mut DiagSocket,
    want: &Want,
    by_two: bool,
    sink: &mut Sink<'_>,
) -> io::Result<(Reading, Reading)> {
    let v4 = TableId { proto: Proto::Tcp, family: Family::Inet };
    let states = want.states_of(v4);
    let ask = inet_request(v4, want, states);
    let mut rows_v6 = 0;
    let mut each = |row: &Row<'_>| {
        rows_v6 += u64::from(row.socket.table.family == Family::Inet6);
        sink(row)
    };
    let request = |seq| request::tcp_dump_both(ask, seq);
    let asked = DumpQuestion { want, states, request: &request };
    let mut reading = if by_two && want.narrow_of(v4).is_none_or(|n| n.program.is_none()) {
        dump_by_two(socket, v4, &asked, ask, &mut each)?
    } else {
        dump(socket, v4, &asked, &mut each)?
    };
    reading.rows = reading.rows.saturating_sub(rows_v6);
    Ok((reading, Reading { rows: rows_v6, ..Reading::default() }))
}

/// The question of one dump.
struct DumpQuestion<'a> {
    want: &'a Want,
    states: StateSet,
    request: &'a dyn Fn(u32) -> Vec<u8>,
}

/// Reads as [`dump`] does, by two threads where the ports allow it.
fn dump_by_two(
    socket: &mut DiagSocket,
    table: TableId,
    asked: &DumpQuestion<'_>,
    ask: InetDump,
    sink: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
) -> io::Result<Reading> {
    let split = match parallel::choose(socket, ask)? {
        Way::ByTwo(split) => parallel::programs(split, ask),
        Way::ByOne => None,
        Way::Read(mut outcome, payloads) => {
            let mut rows = RowDecoder { table, states: asked.states, sink, short: 0 };
            if payloads.iter().any(|payload| rows.take(payload).is_break()) {
                outcome.end = DumpEnd::Stopped;
            }
            let short_rows = rows.short;
            return finish(socket, table, outcome, short_rows);
        }
    };
    let Some(programs) = split else {
        return dump(socket, table, asked, sink);
    };
    let mut rows = RowDecoder { table, states: asked.states, sink, short: 0 };
    let parts = match parallel::dump(socket, &programs, ask, &mut |payload| rows.take(payload)) {
        Ok(parts) => parts,
        Err(Unable::Begin) => return dump(socket, table, asked, rows.sink),
        Err(Unable::End(error)) => return Err(error),
    };
    let short_rows = rows.short;
    let whole: u64 = parts.iter().map(|part| part.dump.rows).sum();
    let mut all = Reading::default();
    for (i, part) in parts.into_iter().enumerate() {
        let reading = match part.end {
            // Rows of the other part are handed on already.
            DumpEnd::Failed(error) if part.dump.rows == 0 && whole > 0 => Reading {
                gaps: vec![Gap::new(
                    table.name(),
                    format!("part of the table is missing: {error}"),
                )],
                ..Reading::default()
            },
            _ => finish(socket, table, part, if i == 0 { short_rows } else { 0 })?,
        };
        all.rows += reading.rows;
        all.stopped |= reading.stopped;
        all.gaps.extend(reading.gaps);
    }
    Ok(all)
}

/// Payloads in, wanted rows out.
struct RowDecoder<'s> {
    table: TableId,
    states: StateSet,
    sink: &'s mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
    /// Payloads that are too short to be a row.
    short: u64,
}

impl RowDecoder<'_> {
    #[inline]
    fn take(&mut self, payload: &[u8]) -> ControlFlow<()> {
        match decode(payload, self.table) {
            Some(row) if self.states.contains(row.socket.state) => (self.sink)(&row),
            // A socket may change state between the kernel's look and its answer.
            Some(_) => ControlFlow::Continue(()),
            None => {
                self.short += 1;
                ControlFlow::Continue(())
            }
        }
    }
}

fn dump(
    socket: &mut DiagSocket,
    table: TableId,
    asked: &DumpQuestion<'_>,
    sink: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
) -> io::Result<Reading> {
    let mut rows = RowDecoder { table, states: asked.states, sink, short: 0 };
    let mut each = |payload: &[u8]| rows.take(payload);
    let program = asked.want.narrow_of(table).and_then(|narrow| narrow.program.as_deref());
    let outcome = match program {
        None => socket.dump(asked.request, &mut each),
        Some(program) => {
            let ask = |seq| request::with_program((asked.request)(seq), program);
            let outcome = socket.dump(&ask, &mut each);
            let refused = refuses_program(&outcome)?;
            if refused { socket.dump(asked.request, &mut each) } else { outcome }
        }
    };
    let short_rows = rows.short;
    finish(socket, table, outcome, short_rows)
}

/// Reports what a dump came to; an error means that not one row was handed on.
fn finish(
    socket: &mut DiagSocket,
    table: TableId,
    outcome: DumpOutcome,
    short_rows: u64,
) -> io::Result<Reading> {
    let mut reading = Reading {
        rows: outcome.dump.rows,
        gaps: gaps(table, &outcome.dump, short_rows),
        stopped: false,
    };
    match outcome.end {
        DumpEnd::Done => return Ok(reading),
        DumpEnd::Stopped => reading.stopped = true,
        DumpEnd::Failed(error) if outcome.dump.rows == 0 => return Err(error),
        DumpEnd::Failed(error) => reading.gaps.push(
            Gap::new(table.name(), format!("the kernel broke the dump off: {error}"))
                .remedy("run it again"),
        ),
    }
    // The kernel still counts the abandoned dump as running.
    socket.reopen()?;
    Ok(reading)
}

/// Tells whether the kernel does not know an operation of the program
/// (`inet_diag_bc_audit`); the filter is decided here anyway.
///
/// # Errors
/// When it knows it and does not let us: then the rows would lack what the
/// filter asks for, and the answer would be wrong.
fn refuses_program(outcome: &DumpOutcome) -> io::Result<bool> {
    let DumpEnd::Failed(error) = &outcome.end else { return Ok(false) };
    match error.raw_os_error() {
        Some(libc::EPERM) => Err(io::Error::other(
            "the kernel does not let us filter by mark: that needs CAP_NET_ADMIN",
        )),
        Some(libc::EINVAL) => Ok(outcome.dump.rows == 0),
        _ => Ok(false),
    }
}

#[inline]
fn decode(payload: &[u8], table: TableId) -> Option<Row<'_>> {
    match table.proto {
        Proto::Unix => {
            let message = UnixMessage::parse(payload)?;
            let facts = Facts::Unix(message.attributes);
            Some(Row { socket: Socket::from_unix_diag(&message), facts })
        }
        Proto::Netlink => {
            let message = NetlinkMessage::parse(payload)?;
            let facts = Facts::Netlink(message.attributes);
            Some(Row { socket: Socket::from_netlink_diag(&message), facts })
        }
        Proto::Packet => {
            let message = PacketMessage::parse(payload)?;
            let facts = Facts::Packet(message.attributes);
            Some(Row { socket: Socket::from_packet_diag(&message), facts })
        }
        Proto::Vsock => {
            let message = VsockMessage::parse(payload)?;
            Some(Row { socket: Socket::from_vsock_diag(&message), facts: Facts::None })
        }
        proto => {
            let message = InetMessage::parse(payload)?;
            let facts = Facts::Inet(message.attributes);
            Some(Row { socket: Socket::from_inet_diag(&message, proto), facts })
        }
    }
}

/// Returns the request for a table; `None` where sock_diag has none for it.
fn request(table: TableId, want: &Want, states: StateSet, seq: u32) -> Option<Vec<u8>> {
    Some(match table.proto {
        Proto::Unix => {
            let mut show = ShowFlags::empty();
            show.set(ShowFlags::MEMINFO, want.extras.memory);
            request::unix_dump(states.bits(), show, seq)
        }
        Proto::Netlink => request::netlink_dump(seq),
        Proto::Packet => request::packet_dump(seq),
        Proto::Vsock => request::vsock_dump(states.bits(), seq),
        proto => {
            protocol(proto)?;
            request::inet_dump(inet_request(table, want, states), seq)
        }
    })
}

fn inet_request(table: TableId, want: &Want, states: StateSet) -> InetDump {
    InetDump {
        family: if table.family == Family::Inet6 { AF_INET6 } else { AF_INET },
        protocol: protocol(table.proto).unwrap_or_default(),
        states: state_mask(states),
        extensions: extensions(want.extras, table.proto),
        local_port: want.local_port_of(table).unwrap_or(0),
    }
}

/// Returns the mask of states. A socket in CLOSE is found by the walk for bound ones only, so
/// either of the two states asks for both.
fn state_mask(states: StateSet) -> u32 {
    if states.contains(State::Close) {
        states.union(State::Bound.into()).bits()
    } else {
        states.bits()
    }
}

fn extensions(extras: Extras, proto: Proto) -> u8 {
    let tcp = matches!(proto, Proto::Tcp | Proto::Mptcp);
    let wanted = [
        (extras.tcp_info && tcp, extension::INFO),
        (extras.congestion && tcp, extension::CONG | extension::VEGASINFO),
        (extras.tos, extension::TOS | extension::TCLASS),
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
