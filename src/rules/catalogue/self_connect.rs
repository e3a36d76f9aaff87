//! self-connect: a socket that is connected to itself.

use std::collections::BTreeSet;

use crate::model::conn::Conn;
use crate::model::snapshot::Snapshot;
use crate::model::state::State;
use crate::rules::pile::{Pile, Piles, alerts};
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "self-connect";

const MIN_COUNT: Threshold = Threshold::count("min_count", "sockets", 1, "so many of one process");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "a process holds min_count sockets with the same address and port on both ends",
    evidence: &[("port", "the port of one of them")],
    thresholds: &[MIN_COUNT],
    needs: Needs { glance: true, conns: true, ..Needs::NONE },
    check,
    shows: Shows::Found(|_, snapshot| to_itself(snapshot)),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let mut piles = Piles::new();
    let mut port = 0;
    for conn in connected_to_themselves(snapshot) {
        port = conn.local.port;
        for subject in Subject::holders(snapshot, conn) {
            piles.entry(subject).or_default().add(conn, 0, 0);
        }
    }
    let found = alerts(piles, settings, &MIN_COUNT, |subject, pile| alert(subject, pile, port));
    Verdict::of(found)
}

/// Returns a filter of those that were seen, by their ports: the language cannot
/// compare two ends.
fn to_itself(snapshot: &Snapshot) -> String {
    let ports: BTreeSet<u16> =
        connected_to_themselves(snapshot).map(|conn| conn.local.port).collect();
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

fn connected_to_themselves(snapshot: &Snapshot) -> impl Iterator<Item = &Conn> {
    snapshot.in_state(State::Established).filter(|conn| conn.local == conn.remote)
}

fn alert(subject: Subject, pile: &Pile, port: u16) -> Alert {
    Alert {
        rule: ID.into(),
        severity: Severity::Warning,
        subject,
        count: pile.count,
        evidence: vec![("port", port.into())],
        summary: format!(
            "{} connected to itself: {}",
            pile.sockets(),
            pile.peer.as_deref().unwrap_or_default()
        ),
        remedy:
            "nobody listens there: the client retried until the kernel picked the very port it \
                 connects to, and TCP connects a socket with itself (simultaneous open). It hears \
                 its own words, and keeps the server from binding the port: close it, and serve on \
                 a port outside net.ipv4.ip_local_port_range"
                .to_owned(),
    }
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "a socket is connected to itself",
    aliases: &["selfconnect", "self-connection"],
    now: &["ESTABLISHED", "net.ipv4.ip_local_port_range"],
    see: &["simultaneous-open", "ports", "handshake"],
    means: "Both ends have the same address and port, and there is one socket: what the program \
            writes it reads back. It happens when a client keeps connecting to a port of this \
            machine on which nobody listens. If the port lies in the ephemeral range, the kernel \
            sooner or later picks that very port as the local one, the SYN meets its own sender, \
            and TCP takes that for a simultaneous open.",
    look_at: &[
        "The process, and the service it wanted: it is down, and cannot come back, because its \
         port is now taken (bind() fails with EADDRINUSE).",
    ],
    helps: &[
        "Close the connection: restart the client, or `sockstate list -K` with its port.",
        "Services belong on ports outside net.ipv4.ip_local_port_range, now \
         {sysctl:net.ipv4.ip_local_port_range}, or into net.ipv4.ip_local_reserved_ports.",
        "In the client: compare the two ends after connect().",
    ],
    helps_not: &["SO_REUSEADDR on the client: it does not keep the kernel from picking the port."],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 13s
  conn ESTABLISHED 10.0.0.1:40003 10.0.0.1:40003
";
