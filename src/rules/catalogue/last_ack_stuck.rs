//! last-ack-stuck: the peer closed first and does not acknowledge our close.

use crate::model::snapshot::Snapshot;
use crate::model::state::State;
use crate::rules::{Needs, Rule, RulePage, Settings, Shows, Verdict, unacked_fin};

const ID: &str = "last-ack-stuck";

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count sockets in LAST_ACK have repeated their FIN, or probed a closed window, \
            retransmits times",
    evidence: unacked_fin::EVIDENCE,
    thresholds: unacked_fin::THRESHOLDS,
    needs: Needs { conns: true, listeners: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("state last-ack"),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let meaning = "the peer closed, we closed after it, and the peer does not acknowledge that: it \
                   vanished after its FIN, or a firewall forgot the connection";
    unacked_fin::check(snapshot, settings, ID, State::LastAck, meaning)
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "the peer is gone before the end",
    aliases: &[],
    now: &["LAST_ACK", "TCP.orphan", "net.ipv4.tcp_orphan_retries"],
    see: &["last-ack", "orphans", "close-wait"],
    means: "The peer closed, then this side, and the FIN of this side was repeated three times and \
            more: the peer has vanished after its own FIN, or its answers do not arrive.",
    look_at: &[
        "Retransmits and unsent bytes: `sockstate list state last-ack -o`.",
        "How long these connections had been in CLOSE_WAIT: a close that comes minutes late meets \
         a peer that has forgotten, or a firewall that has.",
    ],
    helps: &[
        "Close sooner in the application.",
        "Lower net.ipv4.tcp_orphan_retries where many pile up.",
    ],
    helps_not: &["Lowering net.ipv4.tcp_fin_timeout: it governs FIN_WAIT2."],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 11s
  conn LAST_ACK 10.0.0.1:40001 10.0.3.7:5432 timer=5 stalled=6s send=1
";
