//! dead-fd-leak: descriptors of connections that are over and never closed.

use crate::model::escape::escaped;
use crate::model::human;
use crate::model::snapshot::Snapshot;
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "dead-fd-leak";

const MIN_COUNT: Threshold =
    Threshold::count("min_count", "descriptors", 100, "so many of one process");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "a process holds min_count descriptors of TCP sockets that no table lists",
    evidence: &[("descriptors", "of sockets that were reset or fully closed, and never close()d")],
    thresholds: &[MIN_COUNT],
    needs: Needs { glance: true, descriptors: true, ..Needs::NONE },
    check,
    shows: Shows::Nothing,
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let Some(dead) = &snapshot.dead_fds else {
        return Verdict::Unknown("nobody looked at the descriptors of processes".into());
    };
    let found = dead.processes.iter().filter_map(|(pid, count)| {
        let subject = Subject::Process { pid: *pid, comm: escaped(snapshot.owners.comm(*pid)) };
        let enough = *count >= settings.of(&MIN_COUNT, &subject);
        enough.then(|| alert(subject, *count))
    });
    let why = format!(
        "the descriptors of {} cannot be read (needs root, and some are closed even to root)",
        human::plural(dead.hidden_processes, "process").replace("processs", "processes")
    );
    Verdict::of_or_unknown(found.collect(), (dead.hidden_processes > 0).then_some(why))
}

fn alert(subject: Subject, count: u64) -> Alert {
    Alert {
        rule: ID.into(),
        severity: Severity::Warning,
        subject,
        count,
        evidence: vec![("descriptors", count)],
        summary: format!(
            "{} of TCP sockets that are over, none closed",
            human::plural(count, "descriptor")
        ),
        remedy: "the connections were reset or have ended on both sides, the kernel has forgotten \
                 them, and only the descriptors are left: the process misses a close() on its \
                 error path; no table shows these sockets, so other tools do not either"
            .to_owned(),
    }
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "a process keeps descriptors of connections that are over",
    aliases: &[],
    now: &["TCP.alloc", "TCP.inuse", "EstabResets"],
    see: &["close-wait-leak", "reset", "close"],
    means: "After a RST, or when both sides have closed their direction, a TCP socket is in no \
            table any more. The program that never calls close() keeps the descriptor, and no list \
            shows it. The rule finds processes with a hundred and more such descriptors.",
    look_at: &[
        "The number of descriptors of the process against its limit, and whether it grows.",
        "EstabResets: who resets its connections?",
    ],
    helps: &[
        "close() after every error of read() and write(), and after the end of the stream.",
        "A restart until then.",
    ],
    helps_not: &["Any parameter of TCP: for the kernel's protocol these connections are over."],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 14s
  dead 150 9 java
";
