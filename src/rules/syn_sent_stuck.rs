//! syn-sent-stuck: connects to one destination that nobody answers.

use crate::model::frame::Frame;
use crate::model::human;
use crate::model::state::State;

use super::pile::{Pile, Piles};
use super::{Alert, Needs, Rule, Settings, Severity, Subject, TCP, Threshold, Verdict, verdict};

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
    hold_ms: 0,
    needs: Needs { conns: true, ..Needs::NONE },
    inputs: TCP,
    check,
};

fn check(frame: &Frame, settings: &Settings<'_>) -> Verdict {
    let mut piles = Piles::new();
    for conn in frame.in_state(State::SynSent) {
        let subject = Subject::Destination(conn.remote);
        if conn.retransmits() >= settings.of(&RETRANSMITS, &subject) {
            let age = conn.age.map_or(0, |age| age.min_ms);
            piles.entry(subject).or_default().add(conn, age, 0);
        }
    }
    let found = piles
        .into_iter()
        .filter(|(subject, pile)| pile.count >= settings.of(&MIN_COUNT, subject))
        .map(|(subject, pile)| alert(subject, &pile));
    verdict(found.collect())
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
