//! dead-fd-leak: descriptors of connections that are over and never closed.

use crate::model::escape::escaped;
use crate::model::frame::Frame;
use crate::model::human;

use super::{Alert, Needs, Rule, Settings, Severity, Subject, TCP, Threshold, Verdict, verdict_or};

const ID: &str = "dead-fd-leak";

const MIN_COUNT: Threshold =
    Threshold::count("min_count", "descriptors", 100, "so many of one process");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "a process holds min_count descriptors of TCP sockets that no table lists",
    evidence: &[("descriptors", "of sockets that were reset or fully closed, and never close()d")],
    thresholds: &[MIN_COUNT],
    hold_ms: 0,
    needs: Needs { glance: true, descriptors: true, ..Needs::NONE },
    inputs: TCP,
    check,
};

fn check(frame: &Frame, settings: &Settings<'_>) -> Verdict {
    let Some(dead) = &frame.dead_fds else {
        return Verdict::Unknown("nobody looked at the descriptors of processes".into());
    };
    let found = dead.processes.iter().filter_map(|(pid, count)| {
        let subject = Subject::Process { pid: *pid, comm: escaped(frame.owners.comm(*pid)) };
        let enough = *count >= settings.of(&MIN_COUNT, &subject);
        enough.then(|| alert(subject, *count))
    });
    let why = format!(
        "the descriptors of {} cannot be read (needs root, and some are closed even to root)",
        human::plural(dead.hidden_processes, "process").replace("processs", "processes")
    );
    verdict_or(found.collect(), (dead.hidden_processes > 0).then_some(why))
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
