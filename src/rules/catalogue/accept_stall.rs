//! accept-stall: completed connections that nobody accepts.

use crate::model::human;
use crate::model::listener::{Listener, Waiting};
use crate::model::proto::Proto;
use crate::model::snapshot::Snapshot;
use crate::rules::subject::shown;
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "accept-stall";

const MIN_COUNT: Threshold =
    Threshold::count("min_count", "connections", 1, "so many wait longer than age");
const AGE: Threshold = Threshold::time("age", 5_000, "waiting so long is a stall");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count complete connections have waited in an accept queue for age",
    evidence: &[
        ("waiting", "connections that wait that long"),
        ("oldest_ms", "the longest wait"),
        ("queue", "connections in the queue"),
        ("limit", "its limit"),
    ],
    thresholds: &[MIN_COUNT, AGE],
    needs: Needs { listeners: true, ..Needs::NONE },
    check,
    shows: Shows::ACCEPT_QUEUE,
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let with_queue = |l: &&Listener| {
        l.socket.table.proto == Proto::Tcp && l.queue.len.is_some_and(|len| len > 0)
    };
    let queues: Vec<&Listener> = snapshot.listeners.iter().filter(with_queue).collect();
    let found = queues.iter().filter_map(|l| alert(snapshot, settings, l)).collect();
    let ageless = queues.iter().flat_map(|l| &l.waiting).any(|w| w.age.is_none());
    let why = "how long a connection has waited is not known without tcp_info";
    Verdict::of_or_unknown(found, ageless.then(|| why.to_owned()))
}

fn alert(snapshot: &Snapshot, settings: &Settings<'_>, listener: &Listener) -> Option<Alert> {
    let subject = Subject::listener(snapshot, listener)?;
    let age = settings.of(&AGE, &subject);
    let age_of = |w: &Waiting| w.age.map_or(0, |age| age.min_ms);
    let mut old: Vec<&Waiting> = listener.waiting.iter().filter(|w| age_of(w) >= age).collect();
    old.sort_by_key(|w| std::cmp::Reverse(age_of(w)));
    let oldest = old.first()?;
    let queue = u64::from(listener.queue.len.unwrap_or(0));
    // Of listeners that share a port nobody can tell whose queue it is in.
    let count = (old.len() as u64).min(queue);
    if count < settings.of(&MIN_COUNT, &subject) {
        return None;
    }
    let limit = listener.queue.limit.map(u64::from);
    let mut evidence = vec![("waiting", count), ("oldest_ms", age_of(oldest)), ("queue", queue)];
    evidence.extend(limit.map(|limit| ("limit", limit)));
    let full = limit.is_some_and(|limit| queue > limit);
    Some(Alert {
        rule: ID.into(),
        severity: if full { Severity::Critical } else { Severity::Warning },
        subject,
        count,
        evidence,
        summary: format!(
            "{} not accepted, the oldest for {}, from {}",
            human::plural(count, "connection"),
            human::duration(age_of(oldest)),
            shown(oldest.remote)
        ),
        remedy: "the kernel has completed these connections and the clients already send; the \
                 process does not call accept(): it is busy, stuck, or out of descriptors. Look at \
                 what it does (its threads, its open files against RLIMIT_NOFILE)"
            .to_owned(),
    })
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "complete connections wait and nobody accepts them",
    aliases: &[],
    now: &["ESTABLISHED", "CLOSE_WAIT"],
    see: &["accept-queue", "connect-without-accept", "accept-queue-overflow", "close-wait"],
    means: "Connections to a listening port have been complete for more than {setting:age} \
            seconds, and no process has them. For the client they are open: it may have sent its \
            request. When the client gives up, the row turns to CLOSE_WAIT while it still waits; \
            that is no leak of accepted sockets.",
    look_at: &[
        "`sockstate listeners`: who waits, for how long, and who should accept.",
        "What that process does instead: a thread pool that is used up, a lock, a stop for garbage \
         collection, a debugger, a SIGSTOP.",
        "Whether it is out of descriptors: accept() then fails with EMFILE, and a program may \
         ignore that.",
    ],
    helps: &[
        "Free the process: more workers, or a restart when it is stuck for good.",
        "A limit of open files that fits the number of connections.",
    ],
    helps_not: &["Raising the backlog: more clients would wait for the same process."],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 0s
  listener 0.0.0.0:8083 9/10 0 121 node
  waiting 198.51.100.7:51234 3200ms
  waiting 198.51.100.8:51235 12s
";
