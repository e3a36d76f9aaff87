//! last-ack-stuck: the peer closed first and does not acknowledge our close.

use crate::model::frame::Frame;
use crate::model::state::State;

use super::{Needs, Rule, Settings, TCP, Verdict, unacked_fin};

const ID: &str = "last-ack-stuck";

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count sockets in LAST_ACK have repeated their FIN, or probed a closed window, \
            retransmits times",
    evidence: unacked_fin::EVIDENCE,
    thresholds: unacked_fin::THRESHOLDS,
    hold_ms: 0,
    needs: Needs { conns: true, listeners: true, ..Needs::NONE },
    inputs: TCP,
    check,
};

fn check(frame: &Frame, settings: &Settings<'_>) -> Verdict {
    let meaning = "the peer closed, we closed after it, and the peer does not acknowledge that: it vanished \
                   after its FIN, or a firewall forgot the connection";
    unacked_fin::check(frame, settings, ID, State::LastAck, meaning)
}
