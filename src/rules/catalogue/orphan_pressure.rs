//! orphan-pressure: closed sockets that the kernel still has to finish.

use crate::model::snapshot::Snapshot;
use crate::rules::threshold::{percent_of, reaches};
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

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
    needs: Needs { host: true, ..Needs::NONE },
    check,
    shows: Shows::Filter(
        "state fin-wait1 state fin-wait2 state last-ack state closing and owner none",
    ),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let Some(orphans) = snapshot.host.counters.get("TCP", "orphan") else {
        return Verdict::Unknown("/proc/net/sockstat does not tell the orphans".into());
    };
    let Some(limit) = snapshot.host.sysctls.max_orphans() else {
        return Verdict::Unknown(
            "net.ipv4.tcp_max_orphans can be read in the initial network namespace only".into(),
        );
    };
    let subject = Subject::Host;
    if !reaches(orphans, settings.of(&WARN_PERCENT, &subject), limit) {
        return Verdict::Clear;
    }
    let critical = reaches(orphans, settings.of(&CRITICAL_PERCENT, &subject), limit);
    Verdict::of(vec![Alert {
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

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "many closed sockets that the kernel still serves",
    aliases: &[],
    now: &[
        "TCP.orphan",
        "net.ipv4.tcp_max_orphans",
        "TCPAbortOnMemory",
        "net.ipv4.tcp_orphan_retries",
    ],
    see: &["orphans", "fin-wait1", "last-ack", "tcp-memory"],
    means: "Sockets that no process has any more, in FIN_WAIT1, LAST_ACK or CLOSING, come close to \
            net.ipv4.tcp_max_orphans. Above it the kernel resets connections at close(). It counts \
            an orphan twice or four times when its peer is silent or reported as unreachable, so \
            the limit can be met at a quarter. The number is that of the whole host, also inside a \
            container.",
    look_at: &[
        "`sockstate count --by state,remote owner none`: which state, which peers.",
        "The kernel's log: too many orphaned sockets.",
    ],
    helps: &[
        "Lower net.ipv4.tcp_orphan_retries where the peers are dead.",
        "A larger net.ipv4.tcp_max_orphans if memory allows: each may hold its buffers.",
    ],
    helps_not: &[
        "Lowering net.ipv4.tcp_fin_timeout: closed FIN_WAIT2 records are not counted as orphans.",
    ],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 14s
  sysctl net.ipv4.tcp_max_orphans 131072
  counter TCP orphan 40000
";
