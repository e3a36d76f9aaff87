//! `listeners --json`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::listener;
use crate::model::owner::Owners;
use crate::output::out::Out;
use crate::survey::ListenersView;

use super::parts::{
    Addr, AgeJson, Cookie, EndpointJson, ProcessJson, TakenJson, document, processes,
};
use super::socket::unix_path;

pub(super) const SCHEMA: &str = "sockstate.listeners/1";

/// The document of `listeners --json`.
#[derive(Serialize, JsonSchema)]
pub struct ListenersDocument {
    /// The name of this shape.
    pub schema: &'static str,
    /// `net.core.somaxconn`, which bounds every limit when `listen` is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub somaxconn: Option<u64>,
    /// Every listener.
    pub listeners: Vec<ListenerJson>,
    /// The time and the source.
    #[serde(flatten)]
    pub taken: TakenJson,
}

/// One listener.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Listener")]
pub struct ListenerJson {
    /// `tcp` or `unix`.
    pub proto: &'static str,
    /// `inet`, `inet6`, `unix`.
    pub family: &'static str,
    /// The end at which an internet socket listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<EndpointJson>,
    /// Name of a unix socket, `@name` when abstract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Bound device, 0 for none.
    pub ifindex: u32,
    /// Connections complete and not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<u32>,
    /// The queue's limit; it holds one more. Absent with source `proc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Tells whether the next connection is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<bool>,
    /// Packets dropped at this listener. Absent with source `proc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drops: Option<u32>,
    /// Handshakes under way; unix listeners have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syn_queue: Option<u32>,
    /// Connections that wait to be accepted.
    pub waiting: Vec<WaitingJson>,
    /// Listeners that share the endpoint (SO_REUSEPORT), this one included:
    /// `syn_queue` and `waiting` are then those of all of them together.
    pub shared_by: u32,
    /// Owner's user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Inode of the descriptor.
    pub inode: u32,
    /// The kernel's id of the socket. Absent with source `proc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub cookie: Option<Cookie>,
    /// Every holder.
    pub processes: Vec<ProcessJson>,
}

/// A connection that waits to be accepted.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Waiting")]
pub struct WaitingJson {
    /// The end from which it comes.
    pub addr: Addr,
    /// Its port there.
    pub port: u16,
    /// The time that it has waited, where the kernel tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<AgeJson>,
}

/// Writes every listener.
pub fn listeners(out: &mut Out<'_>, at: Timestamp, view: &ListenersView) {
    let shape = ListenersDocument {
        schema: SCHEMA,
        somaxconn: view.somaxconn,
        listeners: view.listeners.iter().map(|l| listener(l, &view.owners)).collect(),
        taken: TakenJson::new(at, &view.report),
    };
    document(out, &shape);
}

fn listener(listener: &listener::Listener, owners: &Owners) -> ListenerJson {
    let socket = &listener.socket;
    let waiting = |waiting: &listener::Waiting| WaitingJson {
        addr: Addr(waiting.remote.address),
        port: waiting.remote.port,
        age_ms: waiting.age.map(AgeJson::from),
    };
    let name = listener.unix_name.as_ref();
    ListenerJson {
        proto: socket.table.proto.name(),
        family: socket.table.family.name(),
        local: socket.local().map(EndpointJson::from),
        path: name.map(|(is_abstract, name)| unix_path(*is_abstract, name)),
        ifindex: socket.ifindex,
        queue: listener.queue.len,
        limit: listener.queue.limit,
        full: listener.queue.is_full(),
        drops: listener.queue.drops,
        syn_queue: listener.syn_queue,
        waiting: listener.waiting.iter().map(waiting).collect(),
        shared_by: listener.shared_by,
        uid: socket.uid,
        inode: socket.inode,
        cookie: Cookie::new(socket.cookie),
        processes: processes(socket.inode, owners),
    }
}
