//! fin-wait2-stuck: we shut our side down, the peer never follows, and a
//! process still holds the socket.

use crate::model::conn::Conn;
use crate::model::human;
use crate::model::snapshot::Snapshot;
use crate::model::standing::Standing;
use crate::model::state::State;
use crate::rules::pile::{Pile, Piles, alerts};
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "fin-wait2-stuck";

const MIN_COUNT: Threshold =
    Threshold::count("min_count", "sockets", 1, "so many old ones of one process");
const AGE: Threshold = Threshold::time("age", 60_000, "so long without the peer's FIN");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "a process holds min_count sockets that have been in FIN_WAIT2 for age",
    evidence: &[("oldest_ms", "at least so long has the oldest one waited")],
    thresholds: &[MIN_COUNT, AGE],
    needs: Needs { conns: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("state fin-wait2"),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let mut piles = Piles::new();
    let mut ageless = false;
    // What is closed ends by itself after tcp_fin_timeout (tcp_time_wait).
    let owned = |conn: &&Conn| conn.standing == Standing::Descriptor;
    for conn in snapshot.in_state(State::FinWait2).filter(owned) {
        let Some(age) = conn.age else {
            ageless = true;
            continue;
        };
        for subject in Subject::holders(snapshot, conn) {
            if age.min_ms >= settings.of(&AGE, &subject) {
                piles.entry(subject).or_default().add(conn, age.min_ms, 0);
            }
        }
    }
    let found = alerts(piles, settings, &MIN_COUNT, alert);
    let why = "how long sockets have been in FIN_WAIT2 is not known without tcp_info";
    Verdict::of_or_unknown(found, ageless.then(|| why.to_owned()))
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

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "half-closed for long, and a process holds it",
    aliases: &[],
    now: &["FIN_WAIT2", "net.ipv4.tcp_fin_timeout"],
    see: &["fin-wait2", "close-wait", "four-way-close"],
    means: "A local process called shutdown() and kept the descriptor, and the peer has not closed \
            its side for more than {setting:age} seconds. The kernel has no timer for this.",
    look_at: &[
        "Whether it is meant: a program may send its end and go on reading for hours.",
        "The peers: over there the connection is in CLOSE_WAIT, that program has not closed.",
    ],
    helps: &[
        "A timeout after shutdown() in the local program, and then close().",
        "The missing close() in the peer.",
    ],
    helps_not: &["Lowering net.ipv4.tcp_fin_timeout: it begins to count at close()."],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 11s
  conn FIN_WAIT2 10.0.0.1:40000 10.0.3.7:5432 age=5m
";
