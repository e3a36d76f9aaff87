//! time-wait-flood: TIME_WAIT close to the number the kernel keeps.

use crate::model::frame::Frame;
use crate::model::human;
use crate::model::state::State;

use super::{Alert, Severity, Subject, Verdict, verdict};

pub(super) const ID: &str = "time-wait-flood";

const WARN_PERCENT: u64 = 80;

pub(super) fn check(frame: &Frame) -> Verdict {
    let Some(limit) = frame.host.sysctls.max_tw_buckets() else {
        return Verdict::Unknown("net.ipv4.tcp_max_tw_buckets cannot be read".into());
    };
    // sockstat counts what the limit counts: FIN_WAIT2 minisockets as well
    // (inet_twsk_alloc); the table's own count is the next best.
    let held =
        frame.host.counters.get("TCP", "tw").unwrap_or_else(|| frame.tcp.get(State::TimeWait));
    if held == 0 || held * 100 < limit * WARN_PERCENT {
        return Verdict::Clear;
    }
    verdict(vec![Alert {
        rule: ID,
        severity: if held >= limit { Severity::Critical } else { Severity::Warning },
        subject: Subject::Namespace,
        count: held,
        evidence: vec![("time_wait", held), ("limit", limit)],
        summary: format!(
            "{} of {} TIME_WAIT records are in use",
            human::count(held),
            human::count(limit)
        ),
        remedy: "beyond net.ipv4.tcp_max_tw_buckets connections close without TIME_WAIT, which \
                 can mix up old and new data: reuse connections, let the client close first, or \
                 raise the limit; tcp_fin_timeout does not change TIME_WAIT"
            .to_owned(),
    }])
}
