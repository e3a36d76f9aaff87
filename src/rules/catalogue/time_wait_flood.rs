//! time-wait-flood: TIME_WAIT close to the number the kernel keeps, or made at
//! a high rate in one place.

use crate::model::human;
use crate::model::listener::Listener;
use crate::model::proto::Proto;
use crate::model::snapshot::{Snapshot, TimeWaits, YOUNG_MS};
use crate::model::state::State;
use crate::rules::threshold::reaches;
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "time-wait-flood";

const WARN_PERCENT: Threshold = Threshold::percent(
    "warn_percent",
    80,
    "part of net.ipv4.tcp_max_tw_buckets that is worth a warning",
);
const RATE: Threshold =
    Threshold::count("rate", "sockets/s", 500, "so many new ones a second in one place");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "warn_percent of net.ipv4.tcp_max_tw_buckets are used (critical: all, or records are \
            refused while one looks), or more than rate new ones a second come about towards one \
            destination or at one listener",
    evidence: &[
        ("time_wait", "records in use, closed FIN_WAIT2 among them"),
        ("limit", "records the kernel keeps"),
        ("refused", "records refused while one looked; with --for"),
        ("rate_per_s", "new ones a second, of the last 5s"),
    ],
    thresholds: &[WARN_PERCENT, RATE],
    needs: Needs { glance: true, listeners: true, host: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("state time-wait"),
    page: PAGE,
};

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let mut found: Vec<Alert> = buckets(snapshot, settings).into_iter().collect();
    let ports = snapshot.time_wait.local_ports.iter();
    found.extend(ports.filter_map(|place| at_listener(snapshot, settings, place)));
    let remotes = snapshot.time_wait.remotes.iter();
    found.extend(remotes.filter_map(|place| {
        flood(settings, Subject::Destination(place.place), place.young, PortSide::Client)
    }));
    let blind = snapshot.host.sysctls.max_tw_buckets().is_none();
    let why = "net.ipv4.tcp_max_tw_buckets cannot be read";
    Verdict::of_or_unknown(found, blind.then(|| why.to_owned()))
}

fn buckets(snapshot: &Snapshot, settings: &Settings<'_>) -> Option<Alert> {
    let limit = snapshot.host.sysctls.max_tw_buckets()?;
    // sockstat counts what the limit counts: FIN_WAIT2 minisockets as well
    // (inet_twsk_alloc); the table's own count is the next best.
    let held = snapshot
        .host
        .counters
        .get("TCP", "tw")
        .unwrap_or_else(|| snapshot.tcp.get(State::TimeWait));
    let refused = snapshot.counter("TcpExt", "TCPTimeWaitOverflow").rise();
    let percent = settings.of(&WARN_PERCENT, &Subject::Namespace);
    if refused == 0 && !reaches(held, percent, limit) {
        return None;
    }
    let mut evidence = vec![("time_wait", held), ("limit", limit)];
    if snapshot.past.is_some() {
        evidence.push(("refused", refused));
    }
    let also = match refused {
        0 => String::new(),
        n => format!(", {} refused", human::count(n)),
    };
    Some(Alert {
        rule: ID.into(),
        severity: if held >= limit || refused > 0 { Severity::Critical } else { Severity::Warning },
        subject: Subject::Namespace,
        count: held,
        evidence,
        summary: format!(
            "{} of {} TIME_WAIT records are in use{also}",
            human::count(held),
            human::count(limit)
        ),
        remedy: "beyond net.ipv4.tcp_max_tw_buckets connections close without TIME_WAIT, and old \
                 and new data may mix: reuse connections, let the other side close first, or raise \
                 the limit; tcp_fin_timeout does not change TIME_WAIT, which lasts 60s"
            .to_owned(),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PortSide {
    Server,
    Client,
}

/// Judges those at a local port on which somebody listens: they came from outside.
fn at_listener(
    snapshot: &Snapshot,
    settings: &Settings<'_>,
    place: &TimeWaits<u16>,
) -> Option<Alert> {
    let here = |l: &&Listener| {
        l.socket.table.proto == Proto::Tcp
            && l.socket.local().is_some_and(|local| local.port == place.place)
    };
    let listener = snapshot.listeners.iter().find(here)?;
    let mut subject = Subject::listener(snapshot, listener)?;
    if let Subject::Listener { inode, .. } = &mut subject {
        *inode = 0;
    }
    flood(settings, subject, place.young, PortSide::Server)
}

fn flood(settings: &Settings<'_>, subject: Subject, young: u64, side: PortSide) -> Option<Alert> {
    let rate = young * 1000 / YOUNG_MS;
    if rate <= settings.of(&RATE, &subject) {
        return None;
    }
    let (who, what) = match side {
        PortSide::Server => (
            "the server closes first",
            "harmless for the server itself; where it hurts, let the client close first or keep \
             connections alive. tcp_tw_reuse does not concern a server, tcp_fin_timeout does not \
             change TIME_WAIT",
        ),
        PortSide::Client => (
            "we close first",
            "each of them holds a local port for 60s: keep connections open and reuse them (a \
             pool, keep-alive); see `sockstate ports` for what is left. tcp_fin_timeout does not \
             change TIME_WAIT",
        ),
    };
    Some(Alert {
        rule: ID.into(),
        severity: Severity::Warning,
        subject,
        count: young,
        evidence: vec![("rate_per_s", rate)],
        summary: format!("{} new TIME_WAIT a second: {who}", human::count(rate)),
        remedy: what.to_owned(),
    })
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "TIME_WAIT close to a limit, or made very fast",
    aliases: &[],
    now: &["TIME_WAIT", "TCP.tw", "net.ipv4.tcp_max_tw_buckets", "TW", "TCPTimeWaitOverflow"],
    see: &["time-wait", "ports", "port-exhaustion", "tcp_tw_recycle"],
    means: "TIME_WAIT itself is healthy. The rule fires where it meets a limit: at \
            {setting:warn_percent} % of net.ipv4.tcp_max_tw_buckets, when TCPTimeWaitOverflow \
            rises (connections then close without their protection), or above {setting:rate} new \
            records a second towards one destination or at one listener, which is a new connection \
            for each request.",
    look_at: &[
        "Which side closes first: records on a port that listens here were closed first by this \
         server, the others by a client here.",
        "The destination or listener with the highest rate, and `sockstate ports` for the clients.",
    ],
    helps: &[
        "Reuse of connections: pools, HTTP keep-alive, persistent database sessions.",
        "A larger net.ipv4.tcp_max_tw_buckets: a record takes a few hundred bytes.",
        "For a client short of ports see port-exhaustion.",
    ],
    helps_not: &[
        "Lowering net.ipv4.tcp_fin_timeout: TIME_WAIT is 60 seconds always.",
        "Setting tcp_tw_recycle: it is gone since Linux 4.12.",
        "Lowering net.ipv4.tcp_max_tw_buckets to get rid of the rows.",
    ],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 8s
  sysctl net.ipv4.tcp_max_tw_buckets 131072
  counter TCP tw 110000
  listener 0.0.0.0:443 0/511 0 30 nginx
  new-time-wait port 443 4000
  new-time-wait to 10.0.3.7:5432 3000
";
