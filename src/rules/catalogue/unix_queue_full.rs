//! unix-queue-full: clients of a unix listener block in connect().

use crate::model::human;
use crate::model::listener::Listener;
use crate::model::proto::Proto;
use crate::model::snapshot::Snapshot;
use crate::rules::{Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Verdict};

const ID: &str = "unix-queue-full";

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "more clients wait at a unix listener than its backlog",
    evidence: &[
        ("queue", "connections not accepted"),
        ("limit", "connections, min(backlog, somaxconn) when listen() was called"),
    ],
    thresholds: &[],
    needs: Needs { unix: true, ..Needs::NONE },
    check,
    shows: Shows::Subject,
    page: PAGE,
};

fn check(snapshot: &Snapshot, _: &Settings<'_>) -> Verdict {
    let unix = || snapshot.listeners.iter().filter(|l| l.socket.table.proto == Proto::Unix);
    let found = unix().filter_map(|listener| alert(snapshot, listener)).collect();
    let blind = unix().any(|listener| listener.queue.limit.is_none());
    let why = "/proc does not tell the queues of listeners";
    Verdict::of_or_unknown(found, blind.then(|| why.to_owned()))
}

fn alert(snapshot: &Snapshot, listener: &Listener) -> Option<Alert> {
    let (len, limit) = (u64::from(listener.queue.len?), u64::from(listener.queue.limit?));
    // The kernel's test is length > limit (unix_recvq_full).
    if len <= limit {
        return None;
    }
    Some(Alert {
        rule: ID.into(),
        severity: Severity::Critical,
        subject: Subject::listener(snapshot, listener)?,
        count: len,
        evidence: vec![("queue", len), ("limit", limit)],
        summary: format!("queue {}/{}: it is full", human::count(len), human::count(limit)),
        remedy: "further clients block in connect(), or get EAGAIN, and nothing counts them: \
                 accept faster, or raise the backlog in listen() (net.core.somaxconn bounds it)"
            .to_owned(),
    })
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "clients of a unix socket wait or fail",
    aliases: &[],
    now: &["net.core.somaxconn"],
    see: &["accept-queue", "accept-stall"],
    means: "More connections wait at a unix listener than its backlog. Further clients block in \
            connect(), or fail with EAGAIN when they do not want to block. The kernel has no \
            counter for this, and a blocked client leaves no trace.",
    look_at: &["`sockstate listeners -x`: queue and limit, the process that should accept."],
    helps: &[
        "Accept faster, or free the process if it is stuck.",
        "A larger backlog for bursts; net.core.somaxconn bounds it here too, at the time of \
         listen().",
    ],
    helps_not: &["Parameters of TCP: unix sockets have none of them."],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 0s
  unix /run/app.sock 6/5 9 app
";
