//! syn-sent-stuck: connects to one destination that nobody answers.

use crate::model::human;
use crate::model::snapshot::Snapshot;
use crate::model::state::State;
use crate::rules::pile::{Pile, Piles, alerts};
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "syn-sent-stuck";

const MIN_COUNT: Threshold =
    Threshold::count("min_count", "connects", 5, "so many to one destination");
const RETRANSMITS: Threshold =
    Threshold::count("retransmits", "SYNs", 2, "a SYN repeated so often is not answered");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count connects to one destination have repeated their SYN retransmits times",
    evidence: &[
        ("retransmits", "the most repetitions of one of them"),
        ("oldest_ms", "how long the oldest one waits, where the kernel tells (6.7)"),
    ],
    thresholds: &[MIN_COUNT, RETRANSMITS],
    needs: Needs { conns: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("state syn-sent"),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let mut piles = Piles::new();
    for conn in snapshot.in_state(State::SynSent) {
        let subject = Subject::Destination(conn.remote);
        if conn.retransmits() >= settings.of(&RETRANSMITS, &subject) {
            let age = conn.age.map_or(0, |age| age.min_ms);
            piles.entry(subject).or_default().add(conn, age, 0);
        }
    }
    let found = alerts(piles, settings, &MIN_COUNT, alert);
    Verdict::of(found)
}

fn alert(subject: Subject, pile: &Pile) -> Alert {
    let mut evidence = vec![("retransmits", pile.retransmits)];
    let mut since = String::new();
    if pile.longest_ms > 0 {
        evidence.push(("oldest_ms", pile.longest_ms));
        since = format!(" for up to {}", human::duration(pile.longest_ms));
    }
    Alert {
        rule: ID.into(),
        severity: Severity::Warning,
        subject,
        count: pile.count,
        evidence,
        summary: format!(
            "{} unanswered{since}, SYN repeated up to {} times",
            human::plural(pile.count, "connect"),
            pile.retransmits
        ),
        remedy: "nobody answers there: the host is down, a firewall drops the packets, or the \
                 server's accept queue is full, for a full one drops SYNs without a word; look at \
                 `sockstate listeners` on that machine. A closed port would have refused at once"
            .to_owned(),
    }
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "a destination does not answer",
    aliases: &[],
    now: &["SYN_SENT", "TCPSynRetrans", "net.ipv4.tcp_syn_retries"],
    see: &["syn-sent", "handshake", "accept-queue"],
    means: "Five connects and more to one destination have repeated their SYN twice. A closed port \
            would have answered with a RST: here somebody drops packets without a word.",
    look_at: &[
        "Is the address up at all, is there a firewall, does the way back exist?",
        "A full accept queue at the peer looks exactly like this. There: `sockstate listeners`.",
    ],
    helps: &[
        "Repair the destination or the path.",
        "Take the destination out of the pool until it answers; a connect timeout in the \
         application.",
    ],
    helps_not: &["Raising net.ipv4.tcp_syn_retries: callers only wait longer."],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 12s
  conn SYN_SENT 10.0.0.1:40000 10.0.3.9:80 timer=2 age=3s
  conn SYN_SENT 10.0.0.1:40001 10.0.3.9:80 timer=2 age=3s
  conn SYN_SENT 10.0.0.1:40002 10.0.3.9:80 timer=3 age=4s
  conn SYN_SENT 10.0.0.1:40003 10.0.3.9:80 timer=4 age=5s
  conn SYN_SENT 10.0.0.1:40004 10.0.3.9:80 timer=4 age=5s
";
