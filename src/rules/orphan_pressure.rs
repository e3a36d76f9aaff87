//! orphan-pressure: closed sockets that the kernel still has to finish.

use crate::model::frame::Frame;

use super::settings::{percent_of, reaches};
use super::{Alert, HOST, Needs, Rule, Settings, Severity, Subject, Threshold, Verdict, verdict};

const ID: &str = "orphan-pressure";

const WARN_PERCENT: Threshold =
    Threshold::percent("warn_percent", 25, "part of tcp_max_orphans that is worth a warning");
const CRITICAL_PERCENT: Threshold =
    Threshold::percent("critical_percent", 50, "part of tcp_max_orphans that is critical");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "orphaned TCP sockets of the whole host reach warn_percent (critical: critical_percent) \
            of net.ipv4.tcp_max_orphans",
    evidence: &[
        ("orphans", "sockets without a process, on the whole host"),
        ("limit", "net.ipv4.tcp_max_orphans"),
    ],
    thresholds: &[WARN_PERCENT, CRITICAL_PERCENT],
    hold_ms: 0,
    needs: Needs::NONE,
    inputs: HOST,
    check,
};

fn check(frame: &Frame, settings: &Settings<'_>) -> Verdict {
    let Some(orphans) = frame.host.counters.get("TCP", "orphan") else {
        return Verdict::Unknown("/proc/net/sockstat does not tell the orphans".into());
    };
    let Some(limit) = frame.host.sysctls.max_orphans() else {
        return Verdict::Unknown(
            "net.ipv4.tcp_max_orphans can be read in the initial network namespace only".into(),
        );
    };
    let subject = Subject::Host;
    if !reaches(orphans, settings.of(&WARN_PERCENT, &subject), limit) {
        return Verdict::Clear;
    }
    let critical = reaches(orphans, settings.of(&CRITICAL_PERCENT, &subject), limit);
    verdict(vec![Alert {
        rule: ID.into(),
        severity: if critical { Severity::Critical } else { Severity::Warning },
        subject,
        count: orphans,
        evidence: vec![("orphans", orphans), ("limit", limit)],
        summary: format!("{} orphans, counted over all namespaces", percent_of(orphans, limit)),
        remedy: "processes closed these sockets and their peers do not acknowledge it; the kernel \
                 starts resetting them at a quarter of the limit already (tcp_out_of_resources): \
                 find the peers with `sockstate list state fin-wait-1 or state last-ack`; \
                 net.ipv4.tcp_orphan_retries shortens their life"
            .to_owned(),
    }])
}
