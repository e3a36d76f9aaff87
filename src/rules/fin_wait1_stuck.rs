//! fin-wait1-stuck: we closed first, and nobody acknowledges it.

use crate::model::frame::Frame;
use crate::model::state::State;

use super::{Needs, Rule, Settings, TCP, Verdict, unacked_fin};

const ID: &str = "fin-wait1-stuck";

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count sockets in FIN_WAIT1 have repeated their FIN, or probed a closed window, \
            retransmits times",
    evidence: unacked_fin::EVIDENCE,
    thresholds: unacked_fin::THRESHOLDS,
    hold_ms: 0,
    needs: Needs { conns: true, listeners: true, ..Needs::NONE },
    inputs: TCP,
    check,
};

fn check(frame: &Frame, settings: &Settings<'_>) -> Verdict {
    let meaning = "we closed first and the peer does not acknowledge it: it is gone, a firewall drops the \
                   packets, or it reads nothing while data is still before our FIN";
    unacked_fin::check(frame, settings, ID, State::FinWait1, meaning)
}
