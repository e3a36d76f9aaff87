//! send-queue-stuck: data waits to be sent and the peer takes nothing of it.

use crate::model::conn::Conn;
use crate::model::human;
use crate::model::snapshot::Snapshot;
use crate::model::state::State;
use crate::rules::pile::{Pile, Piles, alerts};
use crate::rules::threshold::reaches;
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "send-queue-stuck";

const MIN_COUNT: Threshold =
    Threshold::count("min_count", "connections", 1, "so many at one listener or destination");
const BYTES: Threshold = Threshold::count("bytes", "bytes", 16_384, "so much waiting, or …");
const PERCENT: Threshold = Threshold::percent("percent", 80, "… this part of the send buffer");
const AGE: Threshold = Threshold::time("age", 10_000, "so long nothing of it was taken");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count connections hold bytes to send, or percent of their send buffer, of which \
            for age the peer took nothing",
    evidence: &[
        ("bytes", "waiting to be sent or acknowledged, of all together"),
        ("waiting_ms", "at least so long the peer took nothing of the longest"),
    ],
    thresholds: &[MIN_COUNT, BYTES, PERCENT, AGE],
    needs: Needs { glance: true, conns: true, listeners: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("state established state close-wait and sendq > 0"),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let mut piles = Piles::new();
    let mut blind = false;
    let sends = |conn: &&Conn| matches!(conn.state, State::Established | State::CloseWait);
    for conn in snapshot.conns.iter().filter(sends) {
        let subject = Subject::place(snapshot, conn);
        if !is_full(conn, settings, &subject) {
            continue;
        }
        match waiting_ms(snapshot, conn) {
            Some(ms) if ms >= settings.of(&AGE, &subject) => {
                let bytes = conn.send_q.unwrap_or(0).into();
                piles.entry(subject).or_default().add(conn, ms, bytes);
            }
            Some(_) => {}
            None => blind = true,
        }
    }
    let found = alerts(piles, settings, &MIN_COUNT, alert);
    let why = "how long data has waited to be sent is not known without tcp_info";
    Verdict::of_or_unknown(found, blind.then(|| why.to_owned()))
}

fn is_full(conn: &Conn, settings: &Settings<'_>, subject: &Subject) -> bool {
    let bytes = u64::from(conn.send_q.unwrap_or(0));
    let buffer = conn.memory.and_then(|memory| memory.sndbuf).map(u64::from);
    let percent = settings.of(&PERCENT, subject);
    buffer.is_some_and(|buffer| buffer > 0 && reaches(bytes, percent, buffer))
        || bytes >= settings.of(&BYTES, subject)
}

/// Returns how long the peer took nothing at least: it offered no window,
/// acknowledged nothing while we retransmitted, or nothing since an earlier look.
fn waiting_ms(snapshot: &Snapshot, conn: &Conn) -> Option<u64> {
    let info = conn.info?;
    let no_window = conn.zero_window_ms().unwrap_or(0);
    let no_answer = conn.retransmitting_ms().unwrap_or(0);
    let watched = snapshot.past.as_ref().and_then(|past| {
        let before =
            past.snapshot.conns.iter().find(|c| c.cookie != 0 && c.cookie == conn.cookie)?;
        (info.bytes_acked? == before.info?.bytes_acked?).then_some(past.elapsed_ms)
    });
    Some(no_window.max(no_answer).max(watched.unwrap_or(0)))
}

fn alert(subject: Subject, pile: &Pile) -> Alert {
    Alert {
        rule: ID.into(),
        severity: Severity::Warning,
        subject,
        count: pile.count,
        evidence: vec![("bytes", pile.bytes), ("waiting_ms", pile.longest_ms)],
        summary: format!(
            "{} wait on {}, nothing of it taken for up to {}{}",
            human::bytes(pile.bytes),
            human::plural(pile.count, "connection"),
            human::duration(pile.longest_ms),
            pile.peer_text()
        ),
        remedy: "the peer takes nothing: with zero-window-stall its application does not read, \
                 with retransmit-stall it does not answer at all; the writer here blocks or buffers \
                 until then. A larger send buffer only delays that"
            .to_owned(),
    }
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "data to a peer does not leave",
    aliases: &[],
    now: &["TCPWinProbe", "TCPTimeouts", "net.ipv4.tcp_wmem"],
    see: &["zero-window", "retransmit-stall", "recv-queue-stuck"],
    means: "Bytes fill most of the send buffer (or are at least 16 KiB), and nothing of them was \
            taken for {setting:age} seconds. The peer does not read, or does not answer.",
    look_at: &[
        "`sockstate list -iop --sort -sendq --limit 10`: a probe timer means the peer does not \
         read (zero-window), a retransmit timer means it does not answer (retransmit-stall).",
    ],
    helps: &["Help the peer, or a write timeout in the application."],
    helps_not: &["Raising net.ipv4.tcp_wmem or net.core.wmem_max: more data waits."],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 13s
  conn ESTABLISHED 10.0.0.1:40000 10.0.3.7:5432 timer=6 stalled=25s send=70000
  conn ESTABLISHED 10.0.0.1:40001 10.0.3.8:5432 probes=4 window=0 limited=46s send=2803713
";
