//! zero-window-stall: the peer takes no more data.

use crate::model::human;
use crate::model::snapshot::Snapshot;
use crate::model::socket::TimerKind;
use crate::model::state::State;
use crate::rules::pile::{Pile, Piles, alerts};
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "zero-window-stall";

const MIN_COUNT: Threshold =
    Threshold::count("min_count", "connections", 1, "so many at one listener or destination");
const AGE: Threshold = Threshold::time("age", 5_000, "so long without a window is a stall");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count connections have had no window from the peer for age",
    evidence: &[
        ("stalled_ms", "at least so long the longest has had no window"),
        ("bytes", "waiting to be sent or acknowledged, of all together"),
        ("retransmits", "the most window probes of one of them"),
    ],
    thresholds: &[MIN_COUNT, AGE],
    needs: Needs { glance: true, conns: true, listeners: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("timer probe"),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let mut piles = Piles::new();
    let mut blind = false;
    for conn in &snapshot.conns {
        let open = matches!(conn.state, State::Established | State::CloseWait | State::FinWait1);
        let probes = conn.timer.is_some_and(|t| t.kind == TimerKind::Probe);
        if !open || !probes {
            continue;
        }
        // The probe timer alone proves nothing: it also runs when our own
        // firewall refuses the segment (tcp_write_wakeup).
        let Some(ms) = conn.zero_window_ms() else {
            blind = true;
            continue;
        };
        let subject = Subject::place(snapshot, conn);
        if ms > 0 && ms >= settings.of(&AGE, &subject) {
            let bytes = conn.send_q.unwrap_or(0).into();
            piles.entry(subject).or_default().add(conn, ms, bytes);
        }
    }
    let found = alerts(piles, settings, &MIN_COUNT, alert);
    let why = "the peer's window is not known without tcp_info (Linux 5.4)";
    Verdict::of_or_unknown(found, blind.then(|| why.to_owned()))
}

fn alert(subject: Subject, pile: &Pile) -> Alert {
    Alert {
        rule: ID.into(),
        severity: Severity::Warning,
        subject,
        count: pile.count,
        evidence: vec![
            ("stalled_ms", pile.longest_ms),
            ("bytes", pile.bytes),
            ("retransmits", pile.retransmits),
        ],
        summary: format!(
            "{} without a window for up to {}, {} wait{}",
            human::plural(pile.count, "connection"),
            human::duration(pile.longest_ms),
            human::bytes(pile.bytes),
            pile.peer_text()
        ),
        remedy:
            "the peer's application does not read: the network is fine, look at the process at \
                 the other end (its receive queue is full); a larger send buffer here only hides it"
                .to_owned(),
    }
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "the peer does not read",
    aliases: &[],
    now: &["TCPWinProbe", "TCPToZeroWindowAdv"],
    see: &["zero-window", "recv-queue-stuck", "send-queue-stuck"],
    means: "The peer has told this side to send nothing for {setting:age} seconds and more: its \
            receive buffer is full because its application does not read. This machine and the \
            network do their part.",
    look_at: &[
        "Which peers, how many bytes wait: `sockstate list -io timer probe`.",
        "On the peer: the process whose receive queue is full.",
        "If the peer's window is not zero and the probe timer runs all the same, packets are \
         dropped on this machine, in a firewall's output chain or a queueing discipline.",
    ],
    helps: &[
        "Make the peer's application read.",
        "A write timeout here, so that one slow reader does not hold a thread for ever.",
    ],
    helps_not: &[
        "Larger send buffers here (net.ipv4.tcp_wmem): more data waits for the same reader.",
    ],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 13s
  conn ESTABLISHED 10.0.0.1:40001 10.0.3.8:5432 probes=4 window=0 limited=46s send=2803713
";
