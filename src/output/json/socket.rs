//! A socket as JSON: its shape, and what fills it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::kernel::{mptcp_info, tcp_info};
use crate::model::age::Age;
use crate::model::escape::escaped;
use crate::model::facts::Facts;
use crate::model::proto::Proto;
use crate::model::queues::{EndOfFile, Queues};
use crate::model::row::Row;
use crate::model::standing::Standing;
use crate::output::text::details::shutdown_name;
use crate::query::Lookups;

use super::details::{self, Memory, Netlink, Packet, Structure, Subflow, UlpJson, Vsock};
use super::parts::{self, Cookie, EndpointJson, ProcessJson, StateJson, TimerJson, processes};

/// One socket.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Socket")]
pub struct SocketJson<'a> {
    /// `tcp`, `mptcp`, `udp`, `udplite`, `raw`, `ping`, `sctp`, `dccp`, `unix`,
    /// `netlink`, `packet`, `vsock`.
    pub proto: &'static str,
    /// `inet`, `inet6`, `unix`, `netlink`, `packet`, `vsock`.
    pub family: &'static str,
    /// The kernel's name of the state, or `UNKNOWN(n)`.
    pub state: StateJson,
    /// Local end of an internet socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<EndpointJson>,
    /// Remote end of an internet socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<EndpointJson>,
    /// True for an IPv6 socket that talks IPv4.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub v4_mapped: bool,
    /// Type of a unix, packet or vsock socket: `stream`, `dgram`, `raw`,
    /// `seqpacket`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name of a unix socket, `@name` when abstract, escaped like `comm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Inode of the unix socket at the other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_inode: Option<u32>,
    /// Name of that socket, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_path: Option<String>,
    /// Every holder of that socket; with `-p` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_processes: Option<Vec<ProcessJson>>,
    /// Ends of a netlink socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netlink: Option<Netlink>,
    /// The packets that a packet socket receives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<Packet>,
    /// Ends of a vsock socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vsock: Option<Vsock>,
    /// Bytes received and not read; in CLOSE_WAIT the unread end of file
    /// counts as one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recv_q: Option<u32>,
    /// Bytes not sent or not acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_q: Option<u32>,
    /// LISTEN only, instead of `recv_q` and `send_q`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_queue: Option<AcceptQueueJson>,
    /// CLOSE_WAIT only: `read`, `unread`, `data_unread`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_of_file: Option<&'static str>,
    /// Owner's user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Inode of the descriptor, 0 when there is none.
    pub inode: u32,
    /// The owner: `descriptor`, `request`, `unaccepted`, `orphan`,
    /// `minisocket`, `kernel`.
    pub standing: &'static str,
    /// The kernel's id of the socket, hexadecimal; absent with source `proc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub cookie: Option<Cookie>,
    /// Bound device, 0 for none.
    pub ifindex: u32,
    /// The running timer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<TimerJson>,
    /// Time in this state, where one look proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<parts::AgeJson>,
    /// Every holder; with `-p` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<Vec<ProcessJson>>,
    /// Owner's name; with `-e` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Path of the cgroup the socket was made in; absent when it is gone or
    /// not visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
    /// Id of that cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_id: Option<u64>,
    /// Firewall mark; needs CAP_NET_ADMIN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<u32>,
    /// Sides that are shut down: `recv`, `send`, `both`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<&'static str>,
    /// Tells whether an IPv6 socket refuses IPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v6_only: Option<bool>,
    /// Socket options that are set; with `-e` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_options: Option<Vec<&'static str>>,
    /// Type of service of IPv4; with `--tos` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// Traffic class of IPv6; with `--tos` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tclass: Option<u8>,
    /// Priority or `net_cls` class id; with `--tos` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_id: Option<u32>,
    /// Name of the congestion control; with `-i` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub congestion: Option<&'a str>,
    /// The kernel's `struct tcp_info` as far as it is sent; with `-i` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub tcp_info: Option<Structure<'a>>,
    /// The kernel's `struct mptcp_info`; with `-i` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub mptcp_info: Option<Structure<'a>>,
    /// The numbers of a `bbr` congestion control; with `-i` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub bbr: Option<Structure<'a>>,
    /// The numbers of a `dctcp` congestion control; with `-i` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub dctcp: Option<Structure<'a>>,
    /// The numbers of a delay-based congestion control; with `-i` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub vegas: Option<Structure<'a>>,
    /// The protocol on top of the socket, such as kernel TLS; with `-i` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub ulp: Option<UlpJson<'a>>,
    /// Socket memory; with `-m` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, u32>>")]
    pub memory: Option<Memory<'a>>,
    /// TCP sockets that carry an MPTCP connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subflows: Option<Vec<Subflow>>,
}

/// The accept queue of a listener.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AcceptQueue")]
pub struct AcceptQueueJson {
    /// Connections complete and not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub len: Option<u32>,
    /// min(backlog, somaxconn) when `listen` was called; the queue holds one
    /// more. Absent with source `proc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Tells whether the next connection is refused: `len` > `limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<bool>,
    /// Packets dropped at this listener; asked for with `-m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drops: Option<u32>,
}

/// The details of a row to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct DetailsJson {
    /// `-p`.
    pub processes: bool,
    /// `-i`; the kernel's answer may hold it unasked, to know an age.
    pub info: bool,
    /// `-m`, likewise.
    pub memory: bool,
    /// `-e`.
    pub extended: bool,
}

/// Returns the shape of a row.
pub(super) fn socket<'a>(row: &Row<'a>, lookups: &Lookups, details: DetailsJson) -> SocketJson<'a> {
    let (socket, facts) = (&row.socket, row.facts);
    let (recv_q, send_q, accept_queue) = match Queues::of(row) {
        Queues::Bytes { recv, send } => (recv, send, None),
        Queues::Accept(queue) => (None, None, Some(accept(queue))),
    };
    let holders = |inode| details.processes.then(|| processes(inode, &lookups.owners));
    let mptcp = socket.table.proto == Proto::Mptcp;
    // An attribute that is not shown is not looked for.
    let shown = |is: bool| is.then_some(facts);
    let info = shown(details.info).and_then(|_| row.info_bytes());
    let congestion = |name| {
        let facts = shown(details.info)?;
        let (kind, bytes) = facts.congestion_info().filter(|(kind, _)| kind.name == name)?;
        Some(Structure::new(bytes, kind.fields))
    };
    let subflows: Vec<Subflow> = lookups.subflows.of(row).map(Subflow::from).collect();
    SocketJson {
        proto: socket.table.proto.name(),
        family: socket.table.family.name(),
        state: StateJson(socket.state),
        local: socket.local().map(EndpointJson::from),
        remote: socket.remote().map(EndpointJson::from),
        v4_mapped: socket.is_v4_mapped(),
        kind: socket.kind().map(|kind| kind.name()),
        path: facts.unix_name().map(|name| unix_path(name.is_abstract, name.bytes)),
        peer_inode: facts.peer_inode(),
        peer_path: lookups.peer_name(row).map(|name| unix_path(name.is_abstract, &name.bytes)),
        peer_processes: facts.peer_inode().and_then(holders),
        netlink: details::netlink(&socket.ends),
        packet: details::packet(&socket.ends),
        vsock: details::vsock(&socket.ends),
        recv_q,
        send_q,
        accept_queue,
        end_of_file: EndOfFile::of(row).map(EndOfFile::name),
        uid: socket.uid,
        inode: socket.inode,
        standing: Standing::of(row).name(),
        cookie: Cookie::new(socket.cookie),
        ifindex: socket.ifindex,
        timer: socket.timer.map(TimerJson::from),
        age_ms: Age::of(row).map(parts::AgeJson::from),
        processes: holders(socket.inode),
        user: lookups.user(row),
        cgroup: lookups.cgroup(row).map(|path| escaped(path.as_bytes())),
        cgroup_id: facts.cgroup_id(),
        mark: facts.mark(),
        shutdown: facts.shutdown().and_then(shutdown_name),
        v6_only: facts.v6_only(),
        socket_options: shown(details.extended)
            .and_then(Facts::socket_options)
            .map(|options| options.collect()),
        tos: facts.tos(),
        tclass: facts.traffic_class(),
        class_id: facts.class_id(),
        congestion: shown(details.info).and_then(Facts::congestion),
        tcp_info: info.filter(|_| !mptcp).map(|b| Structure::new(b, tcp_info::FIELDS)),
        mptcp_info: info.filter(|_| mptcp).map(|b| Structure::new(b, mptcp_info::FIELDS)),
        bbr: congestion("bbr"),
        dctcp: congestion("dctcp"),
        vegas: congestion("vegas"),
        ulp: shown(details.info).and_then(Facts::ulp).map(UlpJson),
        memory: shown(details.memory).and_then(Facts::memory).map(Memory),
        subflows: mptcp.then_some(subflows),
    }
}

fn accept(queue: crate::model::queues::AcceptQueue) -> AcceptQueueJson {
    AcceptQueueJson {
        len: queue.len,
        limit: queue.limit,
        full: queue.is_full(),
        drops: queue.drops,
    }
}

/// Returns a unix socket's name as one string.
pub(super) fn unix_path(is_abstract: bool, name: &[u8]) -> String {
    let mark = if is_abstract { "@" } else { "" };
    format!("{mark}{}", escaped(name))
}
