//! fin-wait1-stuck: we closed first, and nobody acknowledges it.

use crate::model::snapshot::Snapshot;
use crate::model::state::State;
use crate::rules::{Needs, Rule, RulePage, Settings, Shows, Verdict, unacked_fin};

const ID: &str = "fin-wait1-stuck";

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count sockets in FIN_WAIT1 have repeated their FIN, or probed a closed window, \
            retransmits times",
    evidence: unacked_fin::EVIDENCE,
    thresholds: unacked_fin::THRESHOLDS,
    needs: Needs { conns: true, listeners: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("state fin-wait1"),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let meaning = "we closed first and the peer does not acknowledge it: it is gone, a firewall \
                   drops the packets, or it reads nothing while data is still before our FIN";
    unacked_fin::check(snapshot, settings, ID, State::FinWait1, meaning)
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "nobody acknowledges our FIN",
    aliases: &[],
    now: &["FIN_WAIT1", "TCP.orphan", "net.ipv4.tcp_orphan_retries", "net.ipv4.tcp_max_orphans"],
    see: &["fin-wait1", "orphans", "zero-window", "orphan-pressure"],
    means: "This side closed, and the FIN was repeated three times and more, or such sockets make \
            up a good part of the orphans the kernel allows.",
    look_at: &[
        "`sockstate list state fin-wait-1 -o`: a retransmit timer means the peer is silent, a \
         probe timer means it does not take the data before the FIN, or that the packets are \
         dropped on this machine.",
        "Whether the peers have a network in common.",
    ],
    helps: &[
        "Lower net.ipv4.tcp_orphan_retries (to 1 or 2): dead peers then cost seconds in place of \
         minutes.",
        "Repair the path, or the firewall that forgets connections before they end.",
    ],
    helps_not: &["Lowering net.ipv4.tcp_fin_timeout: it governs FIN_WAIT2."],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 11s
  listener 0.0.0.0:443 0/511 0 30 nginx
  conn FIN_WAIT1 10.0.0.1:443 198.51.100.7:51234 timer=4 orphan=1 stalled=3s send=1
  conn FIN_WAIT1 10.0.0.1:443 198.51.100.8:51235 timer=7 orphan=1 stalled=25s send=1
";
