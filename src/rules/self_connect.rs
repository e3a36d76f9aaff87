//! self-connect: a socket that is connected to itself.

use crate::model::frame::Frame;
use crate::model::state::State;

use super::pile::{Pile, Piles};
use super::{Alert, Needs, Rule, Settings, Severity, Subject, TCP, Threshold, Verdict, verdict};

const ID: &str = "self-connect";

const MIN_COUNT: Threshold = Threshold::count("min_count", "sockets", 1, "so many of one process");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "a process holds min_count sockets with the same address and port on both ends",
    evidence: &[("port", "the port of one of them")],
    thresholds: &[MIN_COUNT],
    hold_ms: 0,
    needs: Needs { glance: true, conns: true, ..Needs::NONE },
    inputs: TCP,
    check,
};

fn check(frame: &Frame, settings: &Settings<'_>) -> Verdict {
    let mut piles = Piles::new();
    let itself = frame.in_state(State::Established).filter(|conn| conn.local == conn.remote);
    let mut port = 0;
    for conn in itself {
        port = conn.local.port;
        for subject in Subject::holders(frame, conn) {
            piles.entry(subject).or_default().add(conn, 0, 0);
        }
    }
    let found = piles
        .into_iter()
        .filter(|(subject, pile)| pile.count >= settings.of(&MIN_COUNT, subject))
        .map(|(subject, pile)| alert(subject, &pile, port));
    verdict(found.collect())
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
