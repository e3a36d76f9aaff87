//! closing-stuck: both sides closed at once, and ours is not acknowledged.

use crate::model::snapshot::Snapshot;
use crate::model::state::State;
use crate::rules::{Needs, Rule, RulePage, Settings, Shows, Verdict, unacked_fin};

const ID: &str = "closing-stuck";

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count sockets in CLOSING have repeated their FIN, or probed a closed window, \
            retransmits times",
    evidence: unacked_fin::EVIDENCE,
    thresholds: unacked_fin::THRESHOLDS,
    needs: Needs { conns: true, listeners: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("state closing"),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let meaning = "both sides closed at the same time and the peer does not acknowledge our FIN: \
                   it vanished, or a firewall drops the packets";
    unacked_fin::check(snapshot, settings, ID, State::Closing, meaning)
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "both closed at once, and ours is not acknowledged",
    aliases: &[],
    now: &["CLOSING", "TCP.orphan", "net.ipv4.tcp_orphan_retries"],
    see: &["closing", "fin-wait1-stuck", "orphans"],
    means: "Both FINs crossed, and ours was repeated three times and more. The path broke in that \
            moment, or our FIN waits behind data that the peer will not read any more.",
    look_at: &[
        "Retransmits and unsent bytes: `sockstate list state closing -o`.",
        "The peers: one of them, or one network.",
    ],
    helps: &[
        "Lower net.ipv4.tcp_orphan_retries where many pile up.",
        "Find out why the path breaks.",
    ],
    helps_not: &["Lowering net.ipv4.tcp_fin_timeout: it has no part in this state."],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 11s
  conn CLOSING 10.0.0.1:40002 10.0.3.7:5432 probes=5 send=100
";
