//! accept-queue-overflow: connections arrive faster than they are accepted.

use crate::model::escape::escaped;
use crate::model::frame::Frame;
use crate::model::human;
use crate::model::listener::Listener;
use crate::model::owner::Owners;

use super::{Alert, Severity, Subject, Verdict, verdict};

pub(super) const ID: &str = "accept-queue-overflow";

/// Part of the limit, in percent, from which on a queue is worth a warning.
const WARN_PERCENT: u64 = 80;

pub(super) fn check(frame: &Frame) -> Verdict {
    let judged = frame.listeners.iter().filter(|l| l.queue.limit.is_some());
    if judged.clone().next().is_none() && !frame.listeners.is_empty() {
        return Verdict::Unknown("/proc does not tell the limits of queues".into());
    }
    let somaxconn = frame.host.sysctls.somaxconn();
    verdict(judged.filter_map(|l| alert(l, somaxconn, &frame.owners)).collect())
}

fn alert(listener: &Listener, somaxconn: Option<u64>, owners: &Owners) -> Option<Alert> {
    let (len, limit) = (listener.queue.len?, listener.queue.limit?);
    let (len, limit) = (u64::from(len), u64::from(limit));
    let severity = if len > limit {
        Severity::Critical
    } else if len > 0 && len * 100 >= limit * WARN_PERCENT {
        Severity::Warning
    } else {
        return None;
    };
    let drops = u64::from(listener.queue.drops.unwrap_or(0));
    Some(Alert {
        rule: ID,
        severity,
        subject: Subject::Listener {
            local: listener.socket.local()?,
            owners: owner_names(listener, owners),
        },
        count: len,
        evidence: vec![("queue", len), ("limit", limit), ("drops", drops)],
        summary: summary(listener, len, limit, drops),
        remedy: remedy(limit, somaxconn),
    })
}

fn owner_names(listener: &Listener, owners: &Owners) -> Vec<(u32, String)> {
    let mut pids: Vec<u32> = owners.of(listener.socket.inode).iter().map(|h| h.pid).collect();
    pids.dedup();
    pids.into_iter().map(|pid| (pid, escaped(owners.comm(pid)))).collect()
}

fn summary(listener: &Listener, len: u64, limit: u64, drops: u64) -> String {
    let mut text = format!("queue {len}/{limit}");
    if drops > 0 {
        text += &format!(", {}", human::plural(drops, "drop"));
    }
    let longest = listener.waiting.iter().filter_map(|w| w.age).map(|age| age.min_ms).max();
    if let Some(longest) = longest {
        let waiting = human::plural(listener.waiting.len() as u64, "client");
        text += &format!(", {waiting} waiting up to {}", human::duration(longest));
    }
    text
}

/// The limit is min(backlog, somaxconn) taken when listen() is called
/// (`__sys_listen_socket`), so a raised somaxconn alone changes nothing.
fn remedy(limit: u64, somaxconn: Option<u64>) -> String {
    match somaxconn {
        Some(somaxconn) if limit == somaxconn => format!(
            "the limit is net.core.somaxconn ({}): raise it, then let the application call \
             listen() again; or accept faster",
            human::count(somaxconn)
        ),
        Some(somaxconn) if limit < somaxconn => format!(
            "the limit is the application's own backlog (somaxconn is {}): raise it in listen(), \
             or accept faster",
            human::count(somaxconn)
        ),
        Some(somaxconn) => format!(
            "the limit was set when somaxconn was higher than the present {}; accept faster",
            human::count(somaxconn)
        ),
        None => "raise the backlog in listen() and net.core.somaxconn, or accept faster".into(),
    }
}
