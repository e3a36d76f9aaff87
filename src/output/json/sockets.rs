//! `list --json`: one document, its rows written as they come.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::kernel::inet_diag::{MEMORY_FIELDS, SocketMemory};
use crate::kernel::tcp_info::{FIELDS, TcpInfo};
use crate::model::age::Age;
use crate::model::escape::escaped;
use crate::model::owner::Owners;
use crate::model::queues::{EndOfFile, Queues};
use crate::model::row::Row;
use crate::model::socket::Ends;
use crate::model::standing::Standing;
use crate::output::out::Out;
use crate::source::Report;

use super::parts::{self, Endpoint, Process, State, Taken, Timer, processes, value};

pub(super) const SCHEMA: &str = "sockstate.sockets/1";

/// The document of `list --json`.
#[derive(Serialize, JsonSchema)]
pub struct SocketsDocument<'a> {
    /// Which shape this is.
    pub schema: &'static str,
    /// The rows, in the kernel's order unless sorted.
    pub sockets: Vec<Socket<'a>>,
    /// When and from where.
    #[serde(flatten)]
    pub taken: Taken,
}

/// One socket.
#[derive(Serialize, JsonSchema)]
pub struct Socket<'a> {
    /// `tcp`, `udp`, `raw`, `unix`.
    pub proto: &'static str,
    /// `inet`, `inet6`, `unix`.
    pub family: &'static str,
    /// The kernel's name of the state, or `UNKNOWN(n)`.
    pub state: State,
    /// Local end of an internet socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<Endpoint>,
    /// Remote end of an internet socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<Endpoint>,
    /// True for an IPv6 socket that talks IPv4.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub v4_mapped: bool,
    /// Type of a unix socket: `stream`, `dgram`, `seqpacket`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name of a unix socket, `@name` when abstract, escaped like `comm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Inode of the unix socket at the other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_inode: Option<u32>,
    /// Bytes received and not read; in CLOSE_WAIT the unread end of file
    /// counts as one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recv_q: Option<u32>,
    /// Bytes not sent or not acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_q: Option<u32>,
    /// LISTEN only, instead of `recv_q` and `send_q`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_queue: Option<AcceptQueue>,
    /// CLOSE_WAIT only: `read`, `unread`, `data_unread`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_of_file: Option<&'static str>,
    /// Owner's user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Inode of the descriptor, 0 when there is none.
    pub inode: u32,
    /// Who has it: `descriptor`, `request`, `unaccepted`, `orphan`,
    /// `minisocket`, `kernel`.
    pub standing: &'static str,
    /// The kernel's id of the socket, hexadecimal; absent with source `proc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// Bound device, 0 for none.
    pub ifindex: u32,
    /// The running timer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<Timer>,
    /// Time in this state, where one look proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<parts::Age>,
    /// Every holder; with `-p` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<Vec<Process>>,
    /// Name of the congestion control; with `-i` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub congestion: Option<&'a str>,
    /// The kernel's `struct tcp_info` as far as it is sent; with `-i` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, f64>>")]
    pub tcp_info: Option<Info<'a>>,
    /// Socket memory; with `-m` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, u32>>")]
    pub memory: Option<Memory<'a>>,
}

/// The accept queue of a listener.
#[derive(Serialize, JsonSchema)]
pub struct AcceptQueue {
    /// Connections complete and not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub len: Option<u32>,
    /// min(backlog, somaxconn) when `listen` was called; the queue holds one
    /// more. Absent with source `proc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Whether the next connection is refused: `len` > `limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<bool>,
    /// Packets dropped at this listener; asked for with `-m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drops: Option<u32>,
}

/// `tcp_info`, as a map of [`FIELDS`].
pub struct Info<'a>(TcpInfo<'a>);

impl Serialize for Info<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for field in FIELDS {
            let Some(stored) = self.0.get(field) else { continue };
            let divisor = u64::from(field.divisor);
            if stored % divisor == 0 {
                map.serialize_entry(field.name, &(stored / divisor))?;
            } else {
                map.serialize_entry(field.name, &(stored as f64 / divisor as f64))?;
            }
        }
        map.end()
    }
}

/// Socket memory, as a map of [`MEMORY_FIELDS`].
pub struct Memory<'a>(SocketMemory<'a>);

impl Serialize for Memory<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for field in &MEMORY_FIELDS {
            if let Some(n) = self.0.get(field) {
                map.serialize_entry(field.name, &n)?;
            }
        }
        map.end()
    }
}

/// Which details of a row to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Details {
    /// `-p`.
    pub processes: bool,
    /// `-i`; the kernel's answer may hold it unasked, to know an age.
    pub tcp_info: bool,
    /// `-m`, likewise.
    pub memory: bool,
}

/// The shape of a row.
pub(super) fn socket<'a>(row: &Row<'a>, owners: &Owners, details: Details) -> Socket<'a> {
    let (socket, facts) = (&row.socket, row.facts);
    let (recv_q, send_q, accept_queue) = match Queues::of(row) {
        Queues::Bytes { recv, send } => (recv, send, None),
        Queues::Accept(queue) => (None, None, Some(accept(queue))),
    };
    Socket {
        proto: socket.table.proto.name(),
        family: socket.table.family.name(),
        state: State(socket.state),
        local: socket.local().map(Endpoint::from),
        remote: socket.remote().map(Endpoint::from),
        v4_mapped: socket.is_v4_mapped(),
        kind: match socket.ends {
            Ends::Unix { kind } => Some(kind.name()),
            Ends::Inet { .. } => None,
        },
        path: facts.unix_name().map(|name| unix_path(name.is_abstract, name.bytes)),
        peer_inode: facts.peer_inode(),
        recv_q,
        send_q,
        accept_queue,
        end_of_file: EndOfFile::of(row).map(EndOfFile::name),
        uid: socket.uid,
        inode: socket.inode,
        standing: Standing::of(row).name(),
        cookie: cookie(socket.cookie),
        ifindex: socket.ifindex,
        timer: socket.timer.map(Timer::from),
        age_ms: Age::of(row).map(parts::Age::from),
        processes: details.processes.then(|| processes(socket.inode, owners)),
        congestion: facts.congestion().filter(|_| details.tcp_info),
        tcp_info: facts.tcp_info().filter(|_| details.tcp_info).map(Info),
        memory: facts.memory().filter(|_| details.memory).map(Memory),
    }
}

fn accept(queue: crate::model::queues::AcceptQueue) -> AcceptQueue {
    AcceptQueue { len: queue.len, limit: queue.limit, full: queue.is_full(), drops: queue.drops }
}

/// A unix socket's name as one string.
pub(super) fn unix_path(is_abstract: bool, name: &[u8]) -> String {
    let mark = if is_abstract { "@" } else { "" };
    format!("{mark}{}", escaped(name))
}

/// A cookie as JSON has it; a number of 64 bits would lose digits in many
/// parsers.
pub(super) fn cookie(cookie: u64) -> Option<String> {
    (cookie != 0).then(|| format!("{cookie:#x}"))
}

/// Writes the document row by row.
pub struct Sockets<'o, 'w> {
    out: &'o mut Out<'w>,
    details: Details,
    first: bool,
}

impl<'o, 'w> Sockets<'o, 'w> {
    /// Begins the document.
    pub fn new(out: &'o mut Out<'w>, details: Details) -> Self {
        out.write(format!("{{\"schema\":\"{SCHEMA}\",\"sockets\":[").as_bytes());
        Self { out, details, first: true }
    }

    /// Writes one row.
    pub fn row(&mut self, row: &Row<'_>, owners: &Owners) {
        let separator: &[u8] = if std::mem::take(&mut self.first) { b"\n" } else { b",\n" };
        let buffer = self.out.buffer();
        buffer.extend_from_slice(separator);
        value(buffer, &socket(row, owners, self.details));
        self.out.advance();
    }

    /// Whether writing has failed, so that more rows are in vain.
    pub fn failed(&self) -> bool {
        self.out.failed()
    }

    /// Ends the document with what is known only now.
    pub fn finish(self, at: Timestamp, report: &Report) {
        let mut taken = Vec::new();
        value(&mut taken, &Taken::new(at, report));
        self.out.write(b"],\n");
        // The object's members without its opening brace.
        self.out.write(taken.get(1..).unwrap_or_default());
        self.out.write(b"\n");
    }
}
