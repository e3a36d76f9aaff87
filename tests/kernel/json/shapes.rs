//! The documents, a second time.
//!
//! A member that may be absent is an `Option`. None may be null but for the keys of a count, which
//! is checked apart. Written again, a shape gives the document that it was read from.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub type Counts = BTreeMap<State, u64>;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sockets {
    pub schema: String,
    pub sockets: Vec<Socket>,
    pub taken_at: String,
    pub source: Source,
    pub sources: BTreeMap<Table, OneSource>,
    pub gaps: Vec<Gap>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    pub schema: String,
    pub by: Vec<String>,
    pub total: u64,
    pub groups: Vec<Group>,
    pub taken_at: String,
    pub source: Source,
    pub sources: BTreeMap<Table, OneSource>,
    pub gaps: Vec<Gap>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listeners {
    pub schema: String,
    pub somaxconn: Option<u64>,
    pub listeners: Vec<Listener>,
    pub taken_at: String,
    pub source: Source,
    pub sources: BTreeMap<Table, OneSource>,
    pub gaps: Vec<Gap>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    pub schema: String,
    pub tcp: Option<Counts>,
    pub udp: Option<Counts>,
    pub raw: Option<Counts>,
    pub unix: Option<Counts>,
    pub alerts: Vec<Alert>,
    pub unknown: Vec<Unknown>,
    pub top: Vec<Top>,
    pub host: Host,
    pub changes: Option<StatusChanges>,
    pub taken_at: String,
    pub source: Source,
    pub sources: BTreeMap<Table, OneSource>,
    pub gaps: Vec<Gap>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StatusChanges {
    pub tcp: Option<BTreeMap<State, i64>>,
    pub udp: Option<BTreeMap<State, i64>>,
    pub raw: Option<BTreeMap<State, i64>>,
    pub unix: Option<BTreeMap<State, i64>>,
}

#[derive(Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    Tcp,
    Tcp6,
    Udp,
    Udp6,
    Raw,
    Raw6,
    Mptcp,
    Mptcp6,
    Unix,
    Netlink,
    Packet,
}

#[derive(Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Netlink,
    Proc,
    Mixed,
}

#[derive(Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OneSource {
    Netlink,
    Proc,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    pub what: String,
    pub count: Option<u64>,
    pub reason: String,
    pub remedy: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    Tcp,
    Udp,
    Raw,
    Mptcp,
    Unix,
    Netlink,
    Packet,
}

impl Proto {
    /// Whether its sockets have an address and a port at both ends.
    pub fn is_inet(self) -> bool {
        !matches!(self, Proto::Unix | Proto::Netlink | Proto::Packet)
    }
}

#[derive(Debug, Deserialize, Serialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Inet,
    Inet6,
    Unix,
    Netlink,
    Packet,
}

#[derive(Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
pub enum State {
    #[serde(rename = "LISTEN")]
    Listen,
    #[serde(rename = "SYN_SENT")]
    SynSent,
    #[serde(rename = "SYN_RECV")]
    SynRecv,
    #[serde(rename = "ESTABLISHED")]
    Established,
    #[serde(rename = "CLOSE_WAIT")]
    CloseWait,
    #[serde(rename = "FIN_WAIT1")]
    FinWait1,
    #[serde(rename = "FIN_WAIT2")]
    FinWait2,
    #[serde(rename = "CLOSING")]
    Closing,
    #[serde(rename = "LAST_ACK")]
    LastAck,
    #[serde(rename = "TIME_WAIT")]
    TimeWait,
    #[serde(rename = "CLOSE")]
    Close,
    #[serde(rename = "BOUND")]
    Bound,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Socket {
    pub proto: Proto,
    pub family: Family,
    pub state: State,
    pub local: Option<Endpoint>,
    pub remote: Option<Endpoint>,
    pub v4_mapped: Option<bool>,
    #[serde(rename = "type")]
    pub kind: Option<Kind>,
    pub path: Option<String>,
    pub peer_inode: Option<u32>,
    pub peer_path: Option<String>,
    pub peer_processes: Option<Vec<Process>>,
    pub netlink: Option<Netlink>,
    pub packet: Option<Packet>,
    pub recv_q: Option<u32>,
    pub send_q: Option<u32>,
    pub accept_queue: Option<AcceptQueue>,
    pub end_of_file: Option<EndOfFile>,
    pub uid: Option<u32>,
    pub inode: u32,
    pub standing: Standing,
    pub cookie: Option<String>,
    pub ifindex: u32,
    pub timer: Option<Timer>,
    pub age_ms: Option<Age>,
    pub processes: Option<Vec<Process>>,
    pub user: Option<String>,
    pub cgroup: Option<String>,
    pub cgroup_id: Option<u64>,
    pub mark: Option<u32>,
    pub shutdown: Option<Shutdown>,
    pub v6_only: Option<bool>,
    pub socket_options: Option<Vec<String>>,
    pub tos: Option<u8>,
    pub tclass: Option<u8>,
    pub class_id: Option<u32>,
    pub congestion: Option<String>,
    pub tcp_info: Option<BTreeMap<String, InfoValue>>,
    pub mptcp_info: Option<BTreeMap<String, u64>>,
    /// What a congestion control tells of itself; which of them is up to the kernel's default.
    pub bbr: Option<BTreeMap<String, f64>>,
    pub dctcp: Option<BTreeMap<String, f64>>,
    pub vegas: Option<BTreeMap<String, f64>>,
    pub ulp: Option<Ulp>,
    pub memory: Option<Memory>,
    pub subflows: Option<Vec<Subflow>>,
}

/// A number, the name of a state of congestion control, or the names of options.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum InfoValue {
    Number(f64),
    Name(String),
    Names(Vec<String>),
}

/// A protocol on top of TCP: its numbers are its own.
#[derive(Debug, Deserialize, Serialize)]
pub struct Ulp {
    pub name: String,
    #[serde(flatten)]
    pub numbers: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Shutdown {
    Recv,
    Send,
    Both,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Subflow {
    pub state: State,
    pub local: Option<Endpoint>,
    pub remote: Option<Endpoint>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Netlink {
    pub protocol: u8,
    pub protocol_name: Option<String>,
    pub port_id: u32,
    pub peer_port_id: u32,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Packet {
    pub protocol: u16,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    pub addr: IpAddr,
    pub port: u16,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Stream,
    Dgram,
    Raw,
    Seqpacket,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptQueue {
    pub len: Option<u32>,
    pub limit: Option<u32>,
    pub full: Option<bool>,
    pub drops: Option<u32>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndOfFile {
    Read,
    Unread,
    DataUnread,
}

#[derive(Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Descriptor,
    Request,
    Unaccepted,
    Orphan,
    Minisocket,
    Kernel,
    /// In a count only: a descriptor exists and its process is not visible.
    Hidden,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Timer {
    pub kind: TimerKind,
    pub expires_ms: u32,
    pub retransmits: u32,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimerKind {
    Retransmit,
    Keepalive,
    Timewait,
    Probe,
    Delack,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Age {
    pub min: u64,
    pub max: Option<u64>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    pub pid: u32,
    pub comm: String,
    pub fd: Option<u32>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    pub rmem_alloc_bytes: u32,
    pub rcvbuf_bytes: u32,
    pub wmem_alloc_bytes: u32,
    pub sndbuf_bytes: u32,
    pub fwd_alloc_bytes: u32,
    pub wmem_queued_bytes: u32,
    pub optmem_bytes: u32,
    pub backlog_bytes: u32,
    pub drops: Option<u32>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub key: Key,
    pub count: u64,
}

/// Of these the keys that were asked for; null where a socket has no such thing.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Key {
    pub state: Option<State>,
    pub process: Option<Process>,
    /// Why there is no process.
    pub standing: Option<Standing>,
    pub user: Option<User>,
    pub local_port: Option<u16>,
    pub remote: Option<IpAddr>,
    pub remote_port: Option<u16>,
    pub cgroup: Option<String>,
    pub unit: Option<String>,
    pub netns: Option<u64>,
    pub family: Option<Family>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub uid: u32,
    pub name: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    pub proto: Proto,
    pub family: Family,
    pub local: Option<Endpoint>,
    pub path: Option<String>,
    pub ifindex: u32,
    pub queue: Option<u32>,
    pub limit: Option<u32>,
    pub full: Option<bool>,
    pub drops: Option<u32>,
    pub syn_queue: Option<u32>,
    pub waiting: Vec<Waiting>,
    pub shared_by: u32,
    pub uid: Option<u32>,
    pub inode: u32,
    pub cookie: Option<String>,
    pub processes: Vec<Process>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    pub addr: IpAddr,
    pub port: u16,
    pub age_ms: Option<Age>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    pub rule: String,
    pub severity: Severity,
    pub subject: Subject,
    pub count: u64,
    pub evidence: BTreeMap<String, u64>,
    pub summary: String,
    pub remedy: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Warning,
    Critical,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Subject {
    Process(Process),
    User { uid: Option<u32> },
    Listener { local: Endpoint, inode: Option<u32>, processes: Vec<Process> },
    UnixListener { path: String, inode: u32, processes: Vec<Process> },
    Socket { local: Endpoint, inode: u32, processes: Vec<Process> },
    Destination(Endpoint),
    Ports { source: IpAddr, destination: Endpoint },
    Namespace {},
    Host {},
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Unknown {
    pub rule: String,
    pub reason: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Top {
    pub by: TopKind,
    pub process: Option<Process>,
    pub remote: Option<IpAddr>,
    pub count: u64,
}

#[derive(Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum TopKind {
    ProcessSockets,
    ProcessCloseWait,
    RemoteSockets,
    RemoteTimeWait,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    pub name: Option<String>,
    pub sysctls: BTreeMap<String, Value>,
    pub counters: BTreeMap<String, BTreeMap<String, u64>>,
}
