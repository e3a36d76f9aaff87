//! udp-drops: datagrams are dropped because nobody reads fast enough.

use crate::model::conn::Conn;
use crate::model::human;
use crate::model::snapshot::{Delta, Snapshot};
use crate::rules::threshold::{percent_of, reaches};
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "udp-drops";

const PERCENT: Threshold =
    Threshold::percent("percent", 80, "a queue filled so far, with drops, is still too slow");
const DROPS: Threshold =
    Threshold::count("drops", "datagrams", 1, "so many dropped while one looked (--for)");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "a UDP socket dropped datagrams while one looked, or has dropped some and its queue is \
            filled to percent now",
    evidence: &[
        ("drops", "datagrams dropped since the socket exists"),
        ("drops_delta", "datagrams dropped while one looked; with --for"),
        ("window_ms", "how long one looked; with --for"),
        ("queue_bytes", "memory the unread datagrams take, with all overhead"),
        ("buffer_bytes", "size of the receive buffer"),
    ],
    thresholds: &[PERCENT, DROPS],
    needs: Needs { udp: true, ..Needs::NONE },
    check,
    shows: Shows::Subject,
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let found = snapshot.udp.iter().filter_map(|conn| alert(snapshot, settings, conn)).collect();
    let queued = |conn: &Conn| conn.recv_q.is_some_and(|bytes| bytes > 0);
    let blind = snapshot.udp.iter().any(|conn| conn.memory.is_none() && queued(conn));
    let why = "the size of a receive buffer is not known without sock_diag";
    Verdict::of_or_unknown(found, blind.then(|| why.to_owned()))
}

fn alert(snapshot: &Snapshot, settings: &Settings<'_>, conn: &Conn) -> Option<Alert> {
    let drops = u64::from(conn.drops.filter(|drops| *drops > 0)?);
    let subject = Subject::socket(snapshot, conn);
    let rise = rise(snapshot, conn);
    let queue = u64::from(conn.recv_q.unwrap_or(0));
    let buffer = conn.memory.and_then(|memory| memory.rcvbuf).map(u64::from);
    let percent = settings.of(&PERCENT, &subject);
    let full = buffer.is_some_and(|buffer| buffer > 0 && reaches(queue, percent, buffer));
    if !full && rise < settings.of(&DROPS, &subject).max(1) {
        return None;
    }
    let mut evidence = vec![("drops", drops)];
    let mut summary = human::plural(drops, "datagram") + " dropped";
    if let Some(past) = &snapshot.past {
        evidence.extend([("drops_delta", rise), ("window_ms", past.elapsed_ms)]);
        summary +=
            &format!(", {} of them in {}", human::count(rise), human::duration(past.elapsed_ms));
    }
    evidence.push(("queue_bytes", queue));
    if let Some(buffer) = buffer {
        evidence.push(("buffer_bytes", buffer));
        summary += &format!(", queue {} bytes", percent_of(queue, buffer));
    }
    Some(Alert {
        rule: ID.into(),
        severity: Severity::Warning,
        subject,
        count: 1,
        evidence,
        summary,
        remedy: "the process reads slower than datagrams come: read in another thread or in \
                 batches (recvmmsg), spread them over sockets with SO_REUSEPORT; a larger buffer \
                 (SO_RCVBUF, bounded by net.core.rmem_max) covers bursts only"
            .to_owned(),
    })
}

/// Counts the datagrams dropped since the earlier look; a socket that was not among
/// those with drops then had none, or did not exist. A counter that went down has
/// wrapped (32 bits), and by how much is unknown.
fn rise(snapshot: &Snapshot, conn: &Conn) -> u64 {
    let Some(past) = &snapshot.past else { return 0 };
    let same =
        |c: &&Conn| if conn.cookie != 0 { c.cookie == conn.cookie } else { c.inode == conn.inode };
    let before = past.snapshot.udp.iter().find(same).map_or(Some(0), |c| c.drops);
    Delta::between(before.map(u64::from), conn.drops.map(u64::from)).rise()
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "datagrams are lost at a socket that is read too slowly",
    aliases: &[],
    now: &[
        "Udp.RcvbufErrors",
        "Udp6.RcvbufErrors",
        "Udp.InErrors",
        "Udp.MemErrors",
        "net.core.rmem_max",
    ],
    see: &["recv-queue-stuck"],
    means: "The receive buffer of a UDP socket is full and the kernel drops what arrives. The \
            sender does not learn of it. The fill is measured in memory with overhead, so small \
            datagrams fill a buffer long before their bytes do.",
    look_at: &[
        "`sockstate list -uamp 'drops > 0'`: which socket, which process, how full now.",
        "Whether the drops come in bursts or all the time.",
    ],
    helps: &[
        "All the time: read faster, with more threads or SO_REUSEPORT.",
        "Bursts: a larger SO_RCVBUF in the application, with net.core.rmem_max not below it.",
    ],
    helps_not: &[
        "Raising net.core.rmem_max alone: it only permits what the application must ask for.",
        "A larger buffer for a reader that is too slow all the time.",
    ],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 13s
at 14s
  udp 0.0.0.0:53 35 2304/2304 5 dns
at 17s
  udp 0.0.0.0:53 135 0/2304 5 dns
";
