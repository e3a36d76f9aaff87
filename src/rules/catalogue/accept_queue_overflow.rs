//! accept-queue-overflow: connections arrive faster than they are accepted.

use crate::model::human;
use crate::model::listener::Listener;
use crate::model::proto::Proto;
use crate::model::snapshot::{Delta, Snapshot};
use crate::rules::threshold::reaches;
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "accept-queue-overflow";

const WARN_PERCENT: Threshold =
    Threshold::percent("warn_percent", 80, "part of the limit that is worth a warning");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "an accept queue is filled to warn_percent of its limit (warning), beyond the limit, or \
            drops connections while one looks (critical)",
    evidence: &[
        ("queue", "connections complete and not accepted"),
        ("limit", "connections, min(backlog, somaxconn) when listen() was called"),
        ("drops", "segments dropped since it listens"),
        ("drops_delta", "segments dropped while one looked; with --for"),
        ("window_ms", "how long one looked; with --for"),
    ],
    thresholds: &[WARN_PERCENT],
    needs: Needs { listeners: true, ..Needs::NONE },
    check,
    shows: Shows::ACCEPT_QUEUE,
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let tcp = || snapshot.listeners.iter().filter(|l| l.socket.table.proto == Proto::Tcp);
    let found = tcp().filter_map(|listener| alert(snapshot, settings, listener)).collect();
    let blind = tcp().any(|listener| listener.queue.limit.is_none());
    let why = "/proc does not tell the limits of queues";
    Verdict::of_or_unknown(found, blind.then(|| why.to_owned()))
}

fn alert(snapshot: &Snapshot, settings: &Settings<'_>, listener: &Listener) -> Option<Alert> {
    let (len, limit) = (listener.queue.len?, listener.queue.limit?);
    let (len, limit) = (u64::from(len), u64::from(limit));
    let subject = Subject::listener(snapshot, listener)?;
    let dropped = dropped(snapshot, listener);
    // The kernel's test is length > limit (sk_acceptq_is_full).
    let severity = if len > limit || dropped > 0 {
        Severity::Critical
    } else if reaches(len, settings.of(&WARN_PERCENT, &subject), limit) {
        Severity::Warning
    } else {
        return None;
    };
    let drops = u64::from(listener.queue.drops.unwrap_or(0));
    let mut evidence = vec![("queue", len), ("limit", limit), ("drops", drops)];
    if let Some(past) = &snapshot.past {
        evidence.extend([("drops_delta", dropped), ("window_ms", past.elapsed_ms)]);
    }
    Some(Alert {
        rule: ID.into(),
        severity,
        subject,
        count: len,
        evidence,
        summary: summary(snapshot, listener, len, limit, drops, dropped),
        remedy: remedy(limit, snapshot.host.sysctls.somaxconn()),
    })
}

/// Counts the segments that this listener dropped since the earlier look for a
/// full accept queue: its own counter counts other causes too, the namespace's counter
/// ListenOverflows other listeners, so both must have risen.
fn dropped(snapshot: &Snapshot, listener: &Listener) -> u64 {
    let Some(past) = &snapshot.past else { return 0 };
    if snapshot.counter("TcpExt", "ListenOverflows").rise() == 0 {
        return 0;
    }
    let same = |l: &&Listener| l.socket.inode == listener.socket.inode;
    let earlier = past.snapshot.listeners.iter().find(same).and_then(|l| l.queue.drops);
    Delta::between(earlier.map(u64::from), listener.queue.drops.map(u64::from)).rise()
}

fn summary(
    snapshot: &Snapshot,
    listener: &Listener,
    len: u64,
    limit: u64,
    drops: u64,
    dropped: u64,
) -> String {
    let mut text = format!("queue {len}/{limit}");
    match &snapshot.past {
        Some(past) if dropped > 0 => {
            text += &format!(
                ", {} in {}",
                human::plural(dropped, "drop"),
                human::duration(past.elapsed_ms)
            );
        }
        _ if drops > 0 => text += &format!(", {}", human::plural(drops, "drop")),
        _ => {}
    }
    let longest = listener.waiting.iter().filter_map(|w| w.age).map(|age| age.min_ms).max();
    if let Some(longest) = longest {
        // The rows of listeners that share a port are those of all of them.
        let waiting = human::plural((listener.waiting.len() as u64).min(len), "client");
        text += &format!(", {waiting} waiting up to {}", human::duration(longest));
    }
    text
}

/// Says what raises the limit. It is min(backlog, somaxconn) taken when listen() is
/// called (`__sys_listen_socket`), so a raised somaxconn alone changes nothing.
fn remedy(limit: u64, somaxconn: Option<u64>) -> String {
    match somaxconn {
        Some(somaxconn) if limit == somaxconn => format!(
            "the limit is net.core.somaxconn ({}): raise it, then let the application call \
             listen() again; or accept faster",
            human::count(somaxconn)
        ),
        Some(somaxconn) if limit < somaxconn => format!(
            "the limit is the application's own backlog (somaxconn is {}): raise it in listen(), \
             or accept faster; if somaxconn was raised since, calling listen() again is enough",
            human::count(somaxconn)
        ),
        Some(somaxconn) => format!(
            "the limit was set when somaxconn was higher than the present {}; accept faster",
            human::count(somaxconn)
        ),
        None => "raise the backlog in listen() and net.core.somaxconn, or accept faster".into(),
    }
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "clients are turned away at a listener",
    aliases: &[],
    now: &[
        "ListenOverflows",
        "ListenDrops",
        "net.core.somaxconn",
        "net.ipv4.tcp_abort_on_overflow",
    ],
    see: &["accept-queue", "listen", "accept-stall", "syn-queue"],
    means: "Connections complete faster than the application calls accept(). Above \
            {setting:warn_percent} % of the limit the rule warns; it is critical when the queue is \
            longer than its limit, which is full, or when drops at this listener rise together \
            with ListenOverflows. Clients are not told: their SYN is dropped and repeated after a \
            second, so they see slow connects first and timeouts later.",
    look_at: &[
        "`sockstate listeners`: queue/limit, drops, who waits and for how long. Drops count \
         packets, and a client that tries again counts each time.",
        "Clients that wait for seconds: the application is stalled. A queue that is full for \
         moments only: bursts.",
        "The limit: equal to net.core.somaxconn it came from there, smaller it is the \
         application's own backlog.",
        "Each row of a SO_REUSEPORT group for itself: one stuck worker loses its share while the \
         others idle.",
    ],
    helps: &[
        "Accept faster: more workers, no slow work between two calls of accept().",
        "For bursts raise the backlog in the application, and net.core.somaxconn if that is the \
         smaller one; then the application must call listen() again.",
    ],
    helps_not: &[
        "Raising net.core.somaxconn without a restart of the application, or above the \
         application's own backlog.",
        "A longer queue in front of an application that has stopped: clients then wait longer for \
         the same timeout.",
        "Raising net.ipv4.tcp_max_syn_backlog: that is another queue, and with cookies no limit of \
         it either.",
    ],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 0s
  sysctl net.core.somaxconn 4096
  listener 0.0.0.0:8080 512/511 37 121 node
  waiting 198.51.100.7:51234 3200ms
  listener 0.0.0.0:8081 4096/4096 0 121 node
  listener 0.0.0.0:8082 8000/8000 0 121 node
  listener 0.0.0.0:8083 9/10 0 121 node
  waiting 198.51.100.7:51234 3200ms
  waiting 198.51.100.8:51235 12s
at 6s
  listener 0.0.0.0:443 600/511 0 30 nginx
";
