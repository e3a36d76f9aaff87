//! closing-stuck: both sides closed at once, and ours is not acknowledged.

use crate::model::frame::Frame;
use crate::model::state::State;

use super::{Needs, Rule, Settings, TCP, Verdict, unacked_fin};

const ID: &str = "closing-stuck";

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count sockets in CLOSING have repeated their FIN, or probed a closed window, \
            retransmits times",
    evidence: unacked_fin::EVIDENCE,
    thresholds: unacked_fin::THRESHOLDS,
    hold_ms: 0,
    needs: Needs { conns: true, listeners: true, ..Needs::NONE },
    inputs: TCP,
    check,
};

fn check(frame: &Frame, settings: &Settings<'_>) -> Verdict {
    let meaning = "both sides closed at the same time and the peer does not acknowledge our FIN: it vanished, \
                   or a firewall drops the packets";
    unacked_fin::check(frame, settings, ID, State::Closing, meaning)
}
