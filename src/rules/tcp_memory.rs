//! tcp-memory: the memory of all TCP sockets against its limits.

use crate::model::frame::Frame;
use crate::model::human;

use super::settings::{percent_of, reaches};
use super::{Alert, HOST, Needs, Rule, Settings, Severity, Subject, Threshold, Verdict, verdict};

const ID: &str = "tcp-memory";

const WARN_PERCENT: Threshold = Threshold::percent(
    "warn_percent",
    100,
    "part of the second number of tcp_mem (pressure) that is worth a warning",
);
const CRITICAL_PERCENT: Threshold = Threshold::percent(
    "critical_percent",
    90,
    "part of the third number of tcp_mem (the limit) that is critical",
);

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "the memory of all TCP sockets of the host reaches warn_percent of the pressure mark \
            (critical: critical_percent of the limit) of net.ipv4.tcp_mem",
    evidence: &[
        ("pages", "memory in use, on the whole host"),
        ("pressure", "pages, the second number of tcp_mem"),
        ("limit", "pages, the third number of tcp_mem"),
    ],
    thresholds: &[WARN_PERCENT, CRITICAL_PERCENT],
    hold_ms: 0,
    needs: Needs::NONE,
    inputs: HOST,
    check,
};

fn check(frame: &Frame, settings: &Settings<'_>) -> Verdict {
    let Some(pages) = frame.host.counters.get("TCP", "mem") else {
        return Verdict::Unknown("/proc/net/sockstat does not tell the memory of TCP".into());
    };
    let Some([_, pressure, limit]) = frame.host.sysctls.tcp_mem() else {
        return Verdict::Unknown(
            "net.ipv4.tcp_mem can be read in the initial network namespace only".into(),
        );
    };
    let subject = Subject::Host;
    let critical = reaches(pages, settings.of(&CRITICAL_PERCENT, &subject), limit);
    if !critical && !reaches(pages, settings.of(&WARN_PERCENT, &subject), pressure) {
        return Verdict::Clear;
    }
    verdict(vec![Alert {
        rule: ID.into(),
        severity: if critical { Severity::Critical } else { Severity::Warning },
        subject,
        count: pages,
        evidence: vec![("pages", pages), ("pressure", pressure), ("limit", limit)],
        summary: format!(
            "TCP uses {} pages of the whole host, pressure begins at {}",
            percent_of(pages, limit),
            human::count(pressure)
        ),
        remedy: "under pressure the kernel shrinks buffers, beyond the limit it drops data and \
                 resets orphans: find who holds the bytes with `sockstate list -m --sort -recvq`; \
                 net.ipv4.tcp_mem counts pages, not bytes"
            .to_owned(),
    }])
}
