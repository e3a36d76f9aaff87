//! What an alert is about.

use std::fmt;
use std::net::SocketAddr;

use crate::model::address::{Address, Endpoint};
use crate::model::conn::Conn;
use crate::model::escape::escaped;
use crate::model::listener::Listener;
use crate::model::proto::Proto;
use crate::model::snapshot::Snapshot;

/// Names a process: id and escaped command name.
pub type ProcessName = (u32, String);

/// Names what an alert is about. Two alerts of one rule about equal subjects are
/// the same alert at different times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A process.
    Process {
        /// Its id.
        pid: u32,
        /// Its command name, escaped.
        comm: String,
    },
    /// The processes of a user, where they cannot be told apart.
    User {
        /// The user's id.
        uid: Option<u32>,
    },
    /// A TCP listener.
    Listener {
        /// Its end.
        local: Endpoint,
        /// Inode of its descriptor, which tells apart those that share a port;
        /// 0: all of them together.
        inode: u32,
        /// Its owners.
        owners: Vec<ProcessName>,
    },
    /// A unix listener.
    UnixListener {
        /// Its name as it is shown.
        path: String,
        /// Inode of its descriptor.
        inode: u32,
        /// Its owners.
        owners: Vec<ProcessName>,
    },
    /// One UDP socket.
    Socket {
        /// Its end.
        local: Endpoint,
        /// Inode of its descriptor.
        inode: u32,
        /// Its owners.
        owners: Vec<ProcessName>,
    },
    /// A service that this machine connects to.
    Destination(Endpoint),
    /// The ephemeral ports of an address towards a service.
    Ports {
        /// Our address.
        source: Address,
        /// The service.
        destination: Endpoint,
    },
    /// The network namespace as a whole.
    Namespace,
    /// The whole host, whatever the namespace.
    Host,
}

impl Subject {
    /// Makes the subject of a listener, with everyone who has it.
    pub(super) fn listener(snapshot: &Snapshot, listener: &Listener) -> Option<Self> {
        let owners = owners(snapshot, listener.socket.inode);
        let inode = listener.socket.inode;
        Some(match listener.socket.local() {
            Some(local) => Self::Listener { local, inode, owners },
            None => Self::UnixListener { path: unix_path(listener), inode, owners },
        })
    }

    /// Makes the subject of one UDP socket.
    pub(super) fn socket(snapshot: &Snapshot, conn: &Conn) -> Self {
        Self::Socket { local: conn.local, inode: conn.inode, owners: owners(snapshot, conn.inode) }
    }

    /// Returns everyone who holds a socket; its user where nobody can be seen, and
    /// no one yet where nobody was looked for.
    pub(super) fn holders(snapshot: &Snapshot, conn: &Conn) -> Vec<Self> {
        let found = owners(snapshot, conn.inode);
        if found.is_empty() && snapshot.unasked.contains(&conn.inode) {
            return Vec::new();
        }
        if found.is_empty() {
            return vec![Self::User { uid: conn.uid }];
        }
        found.into_iter().map(|(pid, comm)| Self::Process { pid, comm }).collect()
    }

    /// Returns where a connection belongs: to the listener it came in by, else to
    /// the service it goes to.
    pub(super) fn place(snapshot: &Snapshot, conn: &Conn) -> Self {
        let accepts = |listener: &&Listener| {
            listener.socket.table.proto == Proto::Tcp
                && listener.socket.local().is_some_and(|bound| {
                    bound.port == conn.local.port
                        && (bound.address == conn.local.address || bound.address.is_unspecified())
                })
        };
        let mut listeners = snapshot.listeners.iter().filter(accepts);
        let Some((listener, local)) = listeners.next().and_then(|l| Some((l, l.socket.local()?)))
        else {
            return Self::Destination(conn.remote);
        };
        Self::Listener { local, inode: 0, owners: owners(snapshot, listener.socket.inode) }
    }

    /// Returns what stays the same of it while an alert lasts.
    pub fn key(&self) -> String {
        match self {
            Self::Process { pid, comm } => format!("process {pid} {comm}"),
            Self::Listener { local, inode, .. } => format!("listener {} {inode}", shown(*local)),
            Self::UnixListener { path, inode, .. } => format!("unix {path} {inode}"),
            Self::Socket { local, inode, .. } => format!("socket {} {inode}", shown(*local)),
            other => other.to_string(),
        }
    }

    /// Writes it as people read it, with so many owners at most.
    pub fn brief(&self, most: usize) -> String {
        let mut short = self.clone();
        let mut left = 0;
        if let Self::Listener { owners, .. }
        | Self::UnixListener { owners, .. }
        | Self::Socket { owners, .. } = &mut short
        {
            left = owners.len().saturating_sub(most);
            owners.truncate(most);
        }
        if left > 0 { format!("{short} and {left} more") } else { short.to_string() }
    }

    /// Returns the processes it names.
    pub fn processes(&self) -> Vec<&ProcessName> {
        match self {
            Self::Listener { owners, .. }
            | Self::UnixListener { owners, .. }
            | Self::Socket { owners, .. } => owners.iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// Writes it as people read it, in a word or two.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, comm } => write!(f, "{comm}[{pid}]"),
            Self::User { uid: Some(uid) } => write!(f, "processes of uid {uid} (not visible)"),
            Self::User { uid: None } => f.write_str("processes that are not visible"),
            Self::Listener { local, owners, .. } => named(f, &shown(*local), owners),
            Self::UnixListener { path, owners, .. } => named(f, path, owners),
            Self::Socket { local, owners, .. } => {
                named(f, &format!("udp {}", shown(*local)), owners)
            }
            Self::Destination(remote) => write!(f, "to {}", shown(*remote)),
            Self::Ports { source, destination } if destination.port == 0 => {
                write!(f, "{source} to any destination")
            }
            Self::Ports { source, destination } => {
                write!(f, "{source} to {}", shown(*destination))
            }
            Self::Namespace => f.write_str("this network namespace"),
            Self::Host => f.write_str("the whole host"),
        }
    }
}

fn named(f: &mut fmt::Formatter<'_>, place: &str, owners: &[ProcessName]) -> fmt::Result {
    f.write_str(place)?;
    owners.iter().try_for_each(|(pid, comm)| write!(f, " {comm}[{pid}]"))
}

/// Writes an endpoint as `address:port`.
pub(super) fn shown(end: Endpoint) -> String {
    SocketAddr::new(end.address.to_ip(), end.port).to_string()
}

/// Returns the processes that hold an inode, each once.
pub(super) fn owners(snapshot: &Snapshot, inode: u32) -> Vec<ProcessName> {
    let mut pids: Vec<u32> = snapshot.owners.of(inode).iter().map(|h| h.pid).collect();
    pids.dedup();
    pids.into_iter().map(|pid| (pid, escaped(snapshot.owners.comm(pid)))).collect()
}

fn unix_path(listener: &Listener) -> String {
    match &listener.unix_name {
        Some((true, name)) => format!("@{}", escaped(name)),
        Some((false, name)) => escaped(name),
        None => "a unix socket without a name".to_owned(),
    }
}
