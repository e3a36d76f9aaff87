//! tcp-memory: the memory of all TCP sockets against its limits.

use crate::model::human;
use crate::model::snapshot::Snapshot;
use crate::rules::threshold::{percent_of, reaches};
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

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
    needs: Needs { host: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("exclude listen exclude close and (recvq > 0 or sendq > 0)"),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let Some(pages) = snapshot.host.counters.get("TCP", "mem") else {
        return Verdict::Unknown("/proc/net/sockstat does not tell the memory of TCP".into());
    };
    let Some([_, pressure, limit]) = snapshot.host.sysctls.tcp_mem() else {
        return Verdict::Unknown(
            "net.ipv4.tcp_mem can be read in the initial network namespace only".into(),
        );
    };
    let subject = Subject::Host;
    let critical = reaches(pages, settings.of(&CRITICAL_PERCENT, &subject), limit);
    if !critical && !reaches(pages, settings.of(&WARN_PERCENT, &subject), pressure) {
        return Verdict::Clear;
    }
    Verdict::of(vec![Alert {
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

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "TCP comes close to the memory it may have",
    aliases: &["memory"],
    now: &[
        "TCP.mem",
        "net.ipv4.tcp_mem",
        "TCPMemoryPressures",
        "TCPMemoryPressuresChrono",
        "PruneCalled",
        "RcvPruned",
        "TCPAbortOnMemory",
    ],
    see: &["orphan-pressure", "recv-queue-stuck", "send-queue-stuck"],
    means: "All TCP buffers together approach net.ipv4.tcp_mem. The three numbers are pages, not \
            bytes: no pressure below the first, pressure above the second, and the third is the \
            limit. Under pressure buffers shrink and throughput falls; at the limit segments are \
            dropped and orphans reset. Both numbers are those of the whole host.",
    look_at: &[
        "Who holds it: `sockstate list -mp --sort -recvq`, then by -sendq.",
        "Slow readers here (receive queues) or at the peers (send queues).",
    ],
    helps: &[
        "Free the slow readers.",
        "Smaller maxima in net.ipv4.tcp_rmem and net.ipv4.tcp_wmem where there are very many \
         connections.",
        "A larger net.ipv4.tcp_mem on a machine with memory to spare.",
    ],
    helps_not: &[
        "Raising net.core.rmem_max: TCP's own growth is bounded by net.ipv4.tcp_rmem, and larger \
         buffers need more memory.",
    ],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 14s
  sysctl net.ipv4.tcp_mem 1000 2000 4000
  counter TCP mem 2100
";
