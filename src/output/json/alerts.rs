//! Alerts in JSON: the same in `status`, `check` and `watch`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::rules;

use super::parts::{Addr, EndpointJson, ProcessJson};

/// Something that is wrong.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Alert")]
pub struct AlertJson {
    /// The rule's id.
    pub rule: String,
    /// `warning` or `critical`.
    pub severity: &'static str,
    /// The subject.
    pub subject: SubjectJson,
    /// The number of sockets that are affected.
    pub count: u64,
    /// Since when it fires, RFC 3339; where one looked more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The numbers the rule saw, with their units in the names.
    pub evidence: BTreeMap<&'static str, u64>,
    /// The finding in one sentence.
    pub summary: String,
    /// The meaning of it, and what helps.
    pub remedy: String,
}

/// The subject of an alert.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Subject")]
pub enum SubjectJson {
    /// A process.
    Process(ProcessJson),
    /// The processes of a user, where they are not visible.
    User {
        /// The user's id, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
    },
    /// A TCP listener.
    Listener {
        /// The end at which it listens.
        local: EndpointJson,
        /// Its inode; absent where all listeners that share the port are meant.
        #[serde(skip_serializing_if = "Option::is_none")]
        inode: Option<u32>,
        /// The processes that listen.
        processes: Vec<ProcessJson>,
    },
    /// A unix listener.
    UnixListener {
        /// Its name.
        path: String,
        /// Its inode.
        inode: u32,
        /// The processes that listen.
        processes: Vec<ProcessJson>,
    },
    /// One UDP socket.
    Socket {
        /// Its end.
        local: EndpointJson,
        /// Its inode.
        inode: u32,
        /// The processes that have it.
        processes: Vec<ProcessJson>,
    },
    /// A service that this machine connects to.
    Destination(EndpointJson),
    /// The ephemeral ports of an address towards a service.
    Ports {
        /// Our address.
        source: Addr,
        /// The service; port 0: any.
        destination: EndpointJson,
    },
    /// The network namespace as a whole.
    Namespace {},
    /// The whole host, whatever the namespace.
    Host {},
}

/// A rule that could not judge.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Unknown")]
pub struct UnknownJson {
    /// The rule's id.
    pub rule: String,
    /// The reason.
    pub reason: String,
}

pub(super) fn process((pid, comm): &(u32, String)) -> ProcessJson {
    ProcessJson { pid: *pid, comm: comm.clone(), fd: None }
}

impl From<&rules::Alert> for AlertJson {
    fn from(alert: &rules::Alert) -> Self {
        Self {
            rule: alert.rule.to_string(),
            severity: alert.severity.name(),
            subject: SubjectJson::from(&alert.subject),
            count: alert.count,
            since: None,
            evidence: alert.evidence.iter().copied().collect(),
            summary: alert.summary.clone(),
            remedy: alert.remedy.clone(),
        }
    }
}

impl From<&rules::Subject> for SubjectJson {
    fn from(subject: &rules::Subject) -> Self {
        use rules::Subject as S;
        let all = |owners: &[(u32, String)]| owners.iter().map(process).collect();
        match subject {
            S::Process { pid, comm } => Self::Process(process(&(*pid, comm.clone()))),
            S::User { uid } => Self::User { uid: *uid },
            S::Listener { local, inode, owners } => Self::Listener {
                local: EndpointJson::from(*local),
                inode: (*inode != 0).then_some(*inode),
                processes: all(owners),
            },
            S::UnixListener { path, inode, owners } => {
                Self::UnixListener { path: path.clone(), inode: *inode, processes: all(owners) }
            }
            S::Socket { local, inode, owners } => Self::Socket {
                local: EndpointJson::from(*local),
                inode: *inode,
                processes: all(owners),
            },
            S::Destination(end) => Self::Destination(EndpointJson::from(*end)),
            S::Ports { source, destination } => {
                Self::Ports { source: Addr(*source), destination: EndpointJson::from(*destination) }
            }
            S::Namespace => Self::Namespace {},
            S::Host => Self::Host {},
        }
    }
}

impl From<&rules::UnknownRule> for UnknownJson {
    fn from(unknown: &rules::UnknownRule) -> Self {
        Self { rule: unknown.rule.to_string(), reason: unknown.why.clone() }
    }
}
