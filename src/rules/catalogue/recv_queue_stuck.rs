//! recv-queue-stuck: data arrived and the process does not read it.

use crate::model::conn::Conn;
use crate::model::human;
use crate::model::snapshot::Snapshot;
use crate::model::standing::Standing;
use crate::model::state::State;
use crate::rules::pile::{Pile, Piles, alerts};
use crate::rules::threshold::reaches;
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "recv-queue-stuck";

const MIN_COUNT: Threshold =
    Threshold::count("min_count", "connections", 1, "so many of one process");
const BYTES: Threshold = Threshold::count("bytes", "bytes", 16_384, "so much unread, or …");
const PERCENT: Threshold = Threshold::percent("percent", 80, "… this part of the receive buffer");
const AGE: Threshold = Threshold::time("age", 10_000, "so long nothing of it was taken");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count connections of a process hold bytes, or percent of their receive buffer, of \
            which for age nothing was read",
    evidence: &[
        ("bytes", "unread, of all together"),
        ("unread_ms", "at least so long the longest has lain there"),
    ],
    thresholds: &[MIN_COUNT, BYTES, PERCENT, AGE],
    needs: Needs { glance: true, conns: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("state established and recvq > 0"),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let mut piles = Piles::new();
    let mut blind = false;
    // What nobody accepted yet is accept-stall's.
    let owned = |conn: &&Conn| conn.standing == Standing::Descriptor;
    for conn in snapshot.in_state(State::Established).filter(owned) {
        for subject in Subject::holders(snapshot, conn) {
            let Some(full) = is_full(conn, settings, &subject) else { continue };
            if !full {
                continue;
            }
            match unread_ms(snapshot, conn) {
                Some(ms) if ms >= settings.of(&AGE, &subject) => {
                    let bytes = conn.recv_q.unwrap_or(0).into();
                    piles.entry(subject).or_default().add(conn, ms, bytes);
                }
                Some(_) => {}
                None => blind = true,
            }
        }
    }
    let found = alerts(piles, settings, &MIN_COUNT, alert);
    let why = "how long data has lain unread is not known without tcp_info";
    Verdict::of_or_unknown(found, blind.then(|| why.to_owned()))
}

fn is_full(conn: &Conn, settings: &Settings<'_>, subject: &Subject) -> Option<bool> {
    let bytes = u64::from(conn.recv_q?);
    let buffer = conn.memory.and_then(|memory| memory.rcvbuf).map(u64::from);
    let percent = settings.of(&PERCENT, subject);
    let full = buffer.is_some_and(|buffer| buffer > 0 && reaches(bytes, percent, buffer));
    Some(full || bytes >= settings.of(&BYTES, subject))
}

/// Returns how long nothing was read at least, as far as is known: all of it
/// arrived before the last data did; but since an earlier look no more can have
/// been added to it than arrived.
fn unread_ms(snapshot: &Snapshot, conn: &Conn) -> Option<u64> {
    let info = conn.info?;
    let quiet = info.last_data_recv_ms?;
    let watched = snapshot.past.as_ref().and_then(|past| {
        let before =
            past.snapshot.conns.iter().find(|c| c.cookie != 0 && c.cookie == conn.cookie)?;
        let arrived = info.bytes_received?.checked_sub(before.info?.bytes_received?)?;
        let grown = u64::from(conn.recv_q?).checked_sub(before.recv_q?.into());
        Some((grown == Some(arrived), past.elapsed_ms))
    });
    Some(match watched {
        Some((true, elapsed_ms)) => quiet.max(elapsed_ms),
        // It reads.
        Some((false, _)) => 0,
        None => quiet,
    })
}

fn alert(subject: Subject, pile: &Pile) -> Alert {
    Alert {
        rule: ID.into(),
        severity: Severity::Warning,
        subject,
        count: pile.count,
        evidence: vec![("bytes", pile.bytes), ("unread_ms", pile.longest_ms)],
        summary: format!(
            "{} unread on {} for up to {}{}",
            human::bytes(pile.bytes),
            human::plural(pile.count, "connection"),
            human::duration(pile.longest_ms),
            pile.peer_text()
        ),
        remedy:
            "the data is here and the process does not read it, or not as fast as it comes: it \
                 is stuck, overloaded, or has forgotten the connection; the peer stalls when the \
                 buffer is full. A larger buffer only delays that"
                .to_owned(),
    }
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "a local process does not read",
    aliases: &[],
    now: &["TCPToZeroWindowAdv", "PruneCalled", "TCPRcvQDrop", "net.ipv4.tcp_rmem"],
    see: &["zero-window", "send-queue-stuck", "close-wait"],
    means: "Data has arrived, fills most of the receive buffer (or is at least 16 KiB), and \
            nothing was taken for {setting:age} seconds. The peer will be stopped by a zero \
            window, and its operator will see a stall there.",
    look_at: &[
        "`sockstate list -p --sort -recvq --limit 10`: which process, how many bytes.",
        "What that process waits for: a lock, a disk, a full pipe, the other end of a proxied \
         connection.",
    ],
    helps: &["Free the process. For a proxy look at the connection on its other side."],
    helps_not: &["Raising net.ipv4.tcp_rmem or net.core.rmem_max: more is unread, a little later."],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 13s
  conn ESTABLISHED 10.0.0.1:40002 10.0.3.9:5432 recv=400000 quiet=46s
";
