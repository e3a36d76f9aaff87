//! fin-wait2-stuck: we shut our side down, the peer never follows, and a
//! process still holds the socket.

use crate::model::conn::Conn;
use crate::model::frame::Frame;
use crate::model::human;
use crate::model::standing::Standing;
use crate::model::state::State;

use super::pile::{Pile, Piles};
use super::{Alert, Needs, Rule, Settings, Severity, Subject, TCP, Threshold, Verdict, verdict_or};

const ID: &str = "fin-wait2-stuck";

const MIN_COUNT: Threshold =
    Threshold::count("min_count", "sockets", 1, "so many old ones of one process");
const AGE: Threshold = Threshold::time("age", 60_000, "so long without the peer's FIN");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "a process holds min_count sockets that have been in FIN_WAIT2 for age",
    evidence: &[("oldest_ms", "at least so long has the oldest one waited")],
    thresholds: &[MIN_COUNT, AGE],
    hold_ms: 0,
    needs: Needs { conns: true, ..Needs::NONE },
    inputs: TCP,
    check,
};

fn check(frame: &Frame, settings: &Settings<'_>) -> Verdict {
    let mut piles = Piles::new();
    let mut ageless = false;
    // What is closed ends by itself after tcp_fin_timeout (tcp_time_wait).
    let owned = |conn: &&Conn| conn.standing == Standing::Descriptor;
    for conn in frame.in_state(State::FinWait2).filter(owned) {
        let Some(age) = conn.age else {
            ageless = true;
            continue;
        };
        for subject in Subject::holders(frame, conn) {
            if age.min_ms >= settings.of(&AGE, &subject) {
                piles.entry(subject).or_default().add(conn, age.min_ms, 0);
            }
        }
    }
    let found = piles
        .into_iter()
        .filter(|(subject, pile)| pile.count >= settings.of(&MIN_COUNT, subject))
        .map(|(subject, pile)| alert(subject, &pile))
        .collect();
    let why = "how long sockets have been in FIN_WAIT2 is not known without tcp_info";
    verdict_or(found, ageless.then(|| why.to_owned()))
}

fn alert(subject: Subject, pile: &Pile) -> Alert {
    Alert {
        rule: ID.into(),
        severity: Severity::Warning,
        subject,
        count: pile.count,
        evidence: vec![("oldest_ms", pile.longest_ms)],
        summary: format!(
            "{} in FIN_WAIT2 for up to {}{}",
            pile.sockets(),
            human::duration(pile.longest_ms),
            pile.peer_text()
        ),
        remedy: "the process shut its side down with shutdown() and keeps the socket while the \
                 peer does not close (it is in CLOSE_WAIT there): without close() this has no time \
                 limit, and tcp_fin_timeout does not apply. Close the socket, or set a limit to \
                 the wait for the peer"
            .to_owned(),
    }
}
