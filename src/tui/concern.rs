//! Which sockets an alert is about, in the filter language: for enter on it,
//! and for the key that shows only what alerts name.

use std::collections::BTreeSet;

use crate::model::hash::KeyedMap;

use crate::model::address::Endpoint;
use crate::model::frame::Frame;
use crate::model::state::State;
use crate::rules::{Alert, Subject};

use super::sheet::end;

/// What rules of one's own count: their filters by their ids.
pub type OwnFilters = KeyedMap<String, String>;

/// The filter that selects them; `None` where no row is one of them.
pub fn filter_of(alert: &Alert, frame: &Frame, own: &OwnFilters) -> Option<String> {
    if let Some(filter) = own.get(&*alert.rule) {
        return Some(filter.clone());
    }
    // What it found is in no table.
    if alert.rule == "dead-fd-leak" {
        return None;
    }
    let parts = [condition(alert, frame), subject(&alert.subject)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

/// What the rule asks of a socket, as far as the language has words for it.
fn condition(alert: &Alert, frame: &Frame) -> Option<String> {
    let state =
        ["close-wait", "time-wait", "fin-wait1", "fin-wait2", "last-ack", "closing", "syn-sent"]
            .into_iter()
            .find(|state| alert.rule.starts_with(state));
    if let Some(state) = state {
        return Some(format!("state {state}"));
    }
    let text = match &*alert.rule {
        "self-connect" => return Some(to_itself(frame)),
        "accept-queue-overflow" | "accept-stall" => {
            "(state listen or state established state close-wait and owner none)"
        }
        "syn-queue-full" if alert.subject == Subject::Namespace => "state syn-recv",
        "syn-queue-full" => "state listen state syn-recv",
        "recv-queue-stuck" => "state established and recvq > 0",
        "send-queue-stuck" => "state established state close-wait and sendq > 0",
        "retransmit-stall" => "state established state close-wait and retrans > 0",
        "zero-window-stall" => "timer probe",
        "orphan-pressure" => {
            "state fin-wait1 state fin-wait2 state last-ack state closing and owner none"
        }
        "tcp-memory" => "exclude listen exclude close and (recvq > 0 or sendq > 0)",
        _ => return None,
    };
    Some(text.to_owned())
}

/// The language cannot compare two ends: the ports of those that were seen.
fn to_itself(frame: &Frame) -> String {
    let itself = frame.in_state(State::Established).filter(|conn| conn.local == conn.remote);
    let ports: BTreeSet<u16> = itself.map(|conn| conn.local.port).collect();
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    match ports.as_slice() {
        // They have gone since.
        [] => "state established".to_owned(),
        [port] => format!("state established and sport = {port} and dport = {port}"),
        ports => {
            let set = format!("{{{}}}", ports.join(","));
            format!("state established and sport = {set} and dport = {set}")
        }
    }
}

fn subject(subject: &Subject) -> Option<String> {
    Some(match subject {
        Subject::Process { pid, .. } => format!("pid {pid}"),
        Subject::User { uid } => format!("user {}", (*uid)?),
        Subject::UnixListener { inode, .. } => format!("inode {inode}"),
        Subject::Socket { inode, .. } if *inode != 0 => format!("inode {inode}"),
        Subject::Listener { local, .. } | Subject::Socket { local, .. } => at(*local),
        Subject::Destination(remote) => format!("dst {}", end(*remote)),
        Subject::Ports { source, destination } if destination.port == 0 => format!("src {source}"),
        Subject::Ports { source, destination } => {
            format!("src {source} and dst {}", end(*destination))
        }
        Subject::Namespace | Subject::Host => return None,
    })
}

/// A local end: by its port alone where it is one of every address.
pub fn at(local: Endpoint) -> String {
    if local.address.is_unspecified() {
        format!("sport = {}", local.port)
    } else {
        format!("src {}", end(local))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;
    use crate::model::address::Address;
    use crate::rules::{RULES, Severity};

    fn alert(rule: &'static str, subject: Subject) -> Alert {
        Alert {
            rule: rule.into(),
            severity: Severity::Warning,
            subject,
            count: 1,
            evidence: Vec::new(),
            summary: String::new(),
            remedy: String::new(),
        }
    }

    #[test]
    fn every_rule_has_a_filter_that_makes_sense() {
        let end = |octets, port| Endpoint::new(Address::v4(octets), port);
        let subjects = [
            Subject::Process { pid: 7, comm: "api".into() },
            Subject::User { uid: Some(1000) },
            Subject::Listener { local: end([0; 4], 80), inode: 3, owners: Vec::new() },
            Subject::Listener { local: end([127, 0, 0, 1], 80), inode: 0, owners: Vec::new() },
            Subject::Socket { local: end([0; 4], 53), inode: 4, owners: Vec::new() },
            Subject::Destination(end([10, 0, 0, 7], 443)),
            Subject::Namespace,
        ];
        let frame = Frame::default();
        let own = OwnFilters::from_iter([("own".to_owned(), "dport 6379".to_owned())]);
        for rule in RULES {
            for subject in &subjects {
                let Some(text) = filter_of(&alert(rule.id, subject.clone()), &frame, &own) else {
                    continue;
                };
                assert!(Filter::parse(&[&text]).is_ok(), "{text}");
            }
        }
        let text =
            |rule, subject: usize| filter_of(&alert(rule, subjects[subject].clone()), &frame, &own);
        assert_eq!(
            text("recv-queue-stuck", 0).as_deref(),
            Some("state established and recvq > 0 and pid 7")
        );
        assert_eq!(
            text("zero-window-stall", 3).as_deref(),
            Some("timer probe and src 127.0.0.1:80")
        );
        assert_eq!(text("udp-drops", 4).as_deref(), Some("inode 4"));
        assert_eq!(text("close-wait-leak", 1).as_deref(), Some("state close-wait and user 1000"));
        assert_eq!(text("dead-fd-leak", 0), None, "they are in no table");
        assert_eq!(text("own", 6).as_deref(), Some("dport 6379"), "what it counts");
        assert_eq!(text("counts-all", 6), None);
    }
}
