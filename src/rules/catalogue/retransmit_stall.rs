//! retransmit-stall: established connections whose peer acknowledges nothing.

use crate::model::conn::Conn;
use crate::model::human;
use crate::model::snapshot::Snapshot;
use crate::model::socket::TimerKind;
use crate::model::state::State;
use crate::rules::pile::{Pile, Piles, alerts};
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "retransmit-stall";

const MIN_COUNT: Threshold =
    Threshold::count("min_count", "connections", 1, "so many at one listener or destination");
const BACKOFF: Threshold = Threshold::count(
    "backoff",
    "doublings",
    3,
    "a retransmission timeout doubled so often is a stall",
);

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "min_count established connections have doubled their retransmission timeout backoff \
            times",
    evidence: &[
        ("retransmits", "the most retransmissions of one of them"),
        ("stalled_ms", "how long the longest stalls, where the kernel tells (6.7)"),
        ("bytes", "sent and not acknowledged, of all together"),
    ],
    thresholds: &[MIN_COUNT, BACKOFF],
    needs: Needs { glance: true, conns: true, listeners: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("state established state close-wait and retrans > 0"),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let mut piles = Piles::new();
    let talking = |conn: &&Conn| matches!(conn.state, State::Established | State::CloseWait);
    for conn in snapshot.conns.iter().filter(talking).filter(|conn| retransmits(conn)) {
        let subject = Subject::place(snapshot, conn);
        let backoff = conn.info.and_then(|info| info.backoff).unwrap_or(conn.retransmits());
        if backoff.max(conn.retransmits()) >= settings.of(&BACKOFF, &subject) {
            piles.entry(subject).or_default().add(
                conn,
                conn.retransmitting_ms().unwrap_or(0),
                conn.send_q.unwrap_or(0).into(),
            );
        }
    }
    let found = alerts(piles, settings, &MIN_COUNT, alert);
    Verdict::of(found)
}

fn retransmits(conn: &Conn) -> bool {
    conn.timer.is_some_and(|t| t.kind == TimerKind::Retransmit && t.retransmits > 0)
}

fn alert(subject: Subject, pile: &Pile) -> Alert {
    let mut evidence = vec![("retransmits", pile.retransmits)];
    let mut since = String::new();
    if pile.longest_ms > 0 {
        evidence.push(("stalled_ms", pile.longest_ms));
        since = format!(" for {}", human::duration(pile.longest_ms));
    }
    evidence.push(("bytes", pile.bytes));
    Alert {
        rule: ID.into(),
        severity: Severity::Warning,
        subject,
        count: pile.count,
        evidence,
        summary: format!(
            "{} unacknowledged{since}: {} in {}, up to {} retransmissions{}",
            human::plural(pile.count, "connection"),
            human::bytes(pile.bytes),
            if pile.count == 1 { "flight" } else { "flight together" },
            pile.retransmits,
            pile.peer_text()
        ),
        remedy:
            "the peer acknowledges nothing: it is gone, or packets are lost on the way (in one \
                 direction is enough); the application notices only when net.ipv4.tcp_retries2 is \
                 used up, 15m and more, unless it sets TCP_USER_TIMEOUT"
                .to_owned(),
    }
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "the peer of an open connection is silent",
    aliases: &[],
    now: &["TCPTimeouts", "RetransSegs", "OutSegs", "TCPAbortOnTimeout", "net.ipv4.tcp_retries2"],
    see: &["established", "lost-segments", "keepalive"],
    means: "Data was sent on an established connection, and the same segment has been repeated \
            three times with growing intervals. The peer is gone or the path is broken; the \
            application has not been told yet. With net.ipv4.tcp_retries2 at 15 that takes a \
            quarter of an hour and more.",
    look_at: &[
        "`sockstate list state established -io 'retrans >= 3'`: which peers, how many bytes.",
        "RetransSegs against OutSegs: a loss everywhere, or one peer?",
    ],
    helps: &[
        "Repair the path; a path that loses large packets only is a matter of MTU.",
        "TCP_USER_TIMEOUT or a timeout in the application, so that it learns sooner.",
        "A lower net.ipv4.tcp_retries2 (8 is about 100 seconds) where all programs here may give \
         up sooner.",
    ],
    helps_not: &[
        "Lowering net.ipv4.tcp_keepalive_time: keepalive is silent while data is unacknowledged.",
    ],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 13s
  conn ESTABLISHED 10.0.0.1:40000 10.0.3.7:5432 timer=6 stalled=25s send=70000
";
