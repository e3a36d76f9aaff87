//! What FIN_WAIT1, LAST_ACK and CLOSING have in common: a FIN of ours that
//! nobody acknowledges.

use crate::model::conn::Conn;
use crate::model::snapshot::Snapshot;
use crate::model::socket::TimerKind;
use crate::model::state::State;

use super::alert::Alert;
use super::pile::{Pile, Piles, alerts};
use super::settings::Settings;
use super::severity::Severity;
use super::subject::Subject;
use super::threshold::Threshold;
use super::verdict::Verdict;

pub(super) const MIN_COUNT: Threshold =
    Threshold::count("min_count", "sockets", 1, "so many at one listener or destination");
pub(super) const RETRANSMITS: Threshold = Threshold::count(
    "retransmits",
    "retransmits",
    3,
    "a FIN repeated so often, or a window probed so often, is stuck",
);

pub(super) const THRESHOLDS: &[Threshold] = &[MIN_COUNT, RETRANSMITS];

pub(super) const EVIDENCE: &[(&str, &str)] = &[
    ("retransmits", "the most repetitions, or window probes, of one of them"),
    ("orphans", "those that no process holds any more"),
    ("retransmitting_ms", "the longest time in retransmission, where the kernel tells (6.7)"),
    ("bytes", "sent and not acknowledged, of all together"),
];

/// Judges the sockets in one of these states.
pub(super) fn check(
    snapshot: &Snapshot,
    settings: &Settings<'_>,
    id: &'static str,
    state: State,
    meaning: &str,
) -> Verdict {
    let mut piles = Piles::new();
    for conn in snapshot.in_state(state).filter(|conn| repeats(conn)) {
        let subject = Subject::place(snapshot, conn);
        // A number of repetitions has no clearing level: it only grows.
        if conn.retransmits() >= settings.of(&RETRANSMITS, &subject) {
            let ms = conn.retransmitting_ms().unwrap_or(0);
            piles.entry(subject).or_default().add(conn, ms, conn.send_q.unwrap_or(0).into());
        }
    }
    let alert = |subject, pile: &Pile| alert(id, state, subject, pile, meaning);
    Verdict::of(alerts(piles, settings, &MIN_COUNT, alert))
}

/// Tells whether the kernel repeats the FIN, or probes a window that is closed to it.
fn repeats(conn: &Conn) -> bool {
    conn.timer.is_some_and(|t| matches!(t.kind, TimerKind::Retransmit | TimerKind::Probe))
}

fn alert(id: &'static str, state: State, subject: Subject, pile: &Pile, meaning: &str) -> Alert {
    let mut evidence = vec![("retransmits", pile.retransmits), ("orphans", pile.orphans)];
    if pile.longest_ms > 0 {
        evidence.push(("retransmitting_ms", pile.longest_ms));
    }
    evidence.push(("bytes", pile.bytes));
    let whose = match pile.orphans {
        0 => "still held by a process".to_owned(),
        n if n == pile.count => "closed by the process".to_owned(),
        n => format!("{n} closed by the process"),
    };
    Alert {
        rule: id.into(),
        severity: Severity::Warning,
        subject,
        count: pile.count,
        evidence,
        summary: format!(
            "{} in {state}, up to {} repetitions, {whose}{}",
            pile.sockets(),
            pile.retransmits,
            pile.peer_text()
        ),
        remedy: format!(
            "{meaning}; the kernel gives up by itself: after net.ipv4.tcp_orphan_retries (about \
             105s by default) what a process has closed, after net.ipv4.tcp_retries2 (15m and \
             more) what it still holds; tcp_fin_timeout does not apply"
        ),
    }
}
