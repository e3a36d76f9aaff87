//! unix-queue-full: clients of a unix listener block in connect().

use crate::model::frame::Frame;
use crate::model::human;
use crate::model::listener::Listener;
use crate::model::want::Proto;

use super::{Alert, Needs, Rule, Settings, Severity, Subject, Verdict, verdict_or};

const ID: &str = "unix-queue-full";

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "more clients wait at a unix listener than its backlog",
    evidence: &[
        ("queue", "connections not accepted"),
        ("limit", "connections, min(backlog, somaxconn) when listen() was called"),
    ],
    thresholds: &[],
    hold_ms: 0,
    needs: Needs { unix: true, ..Needs::NONE },
    inputs: &["unix"],
    check,
};

fn check(frame: &Frame, _: &Settings<'_>) -> Verdict {
    let unix = || frame.listeners.iter().filter(|l| l.socket.table.proto == Proto::Unix);
    let found = unix().filter_map(|listener| alert(frame, listener)).collect();
    let blind = unix().any(|listener| listener.queue.limit.is_none());
    let why = "/proc does not tell the queues of listeners";
    verdict_or(found, blind.then(|| why.to_owned()))
}

fn alert(frame: &Frame, listener: &Listener) -> Option<Alert> {
    let (len, limit) = (u64::from(listener.queue.len?), u64::from(listener.queue.limit?));
    // The kernel's test is length > limit (unix_recvq_full).
    if len <= limit {
        return None;
    }
    Some(Alert {
        rule: ID.into(),
        severity: Severity::Critical,
        subject: Subject::listener(frame, listener)?,
        count: len,
        evidence: vec![("queue", len), ("limit", limit)],
        summary: format!("queue {}/{}: it is full", human::count(len), human::count(limit)),
        remedy: "further clients block in connect(), or get EAGAIN, and nothing counts them: \
                 accept faster, or raise the backlog in listen() (net.core.somaxconn bounds it)"
            .to_owned(),
    })
}
