//! port-exhaustion: the ephemeral ports run out, towards one destination or
//! towards all.

use crate::model::address::Endpoint;
use crate::model::human;
use crate::model::ports::{Blocked, Budget, PortUse, Reuse, SourceBudget};
use crate::model::snapshot::Snapshot;
use crate::rules::threshold::{percent_of, reaches};
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "port-exhaustion";

const WARN_PERCENT: Threshold = Threshold::percent(
    "warn_percent",
    80,
    "part of the ports that is worth a warning; emptier than 25 % is not looked at",
);
const CRITICAL_PERCENT: Threshold =
    Threshold::percent("critical_percent", 95, "part of the ports that is critical");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "warn_percent (critical: critical_percent) of the ephemeral ports of one of our \
            addresses towards one destination are used, or so many of all are taken from every \
            connect() by listeners and bound sockets; those that only look chosen by bind() are \
            worth a warning",
    evidence: &[
        ("used", "ports in use that a new connection cannot have; towards the destination if any"),
        ("time_wait", "those of them in TIME_WAIT"),
        ("likely_bound", "those of them that look chosen by bind(); an estimate"),
        ("capacity", "ports there are, without reserved and blocked ones"),
        ("blocked", "ports that listeners and bound sockets take from every connect()"),
        ("exhausted_in_ms", "until none is left at the present rate; with --for"),
    ],
    thresholds: &[WARN_PERCENT, CRITICAL_PERCENT],
    needs: Needs { glance: true, ports: true, host: true, ..Needs::NONE },
    check,
    shows: Shows::Subject,
    page: PAGE,
};

/// Begins every remedy.
const UNCOUNTED: &str =
    "connect() fails with EADDRNOTAVAIL when none is left, and nothing counts it";

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let Some(ports) = &snapshot.ports else {
        return Verdict::Unknown("net.ipv4.ip_local_port_range cannot be read".into());
    };
    let blocked = blocked(settings, ports);
    // Where what is blocked is most of it, one alert says so, not one for each
    // destination.
    let more_than_blocked = |budget: &&Budget| blocked.is_none() || exceeds_blocked(ports, budget);
    let budgets = ports.budgets.iter().filter(more_than_blocked);
    let mut found: Vec<Alert> =
        budgets.filter_map(|budget| used_up(snapshot, settings, ports, budget)).collect();
    // A destination that nearly has them all explains how ports of its source
    // look.
    let explained = |source: &SourceBudget| {
        found.iter().any(|alert| match alert.subject {
            Subject::Ports { source: other, .. } => other == source.source,
            _ => false,
        })
    };
    let sources: Vec<&SourceBudget> =
        ports.sources.iter().filter(|source| !explained(source)).collect();
    found.extend(sources.into_iter().filter_map(|source| bound_first(settings, ports, source)));
    found.extend(blocked);
    Verdict::of_or_unknown(found, untold(snapshot, settings, ports))
}

/// Returns the severity, where so many of the ports are gone.
fn severity(settings: &Settings<'_>, subject: &Subject, part: u32, whole: u32) -> Option<Severity> {
    let reaches = |percent| reaches(part.into(), settings.of(percent, subject), whole.into());
    match (reaches(&WARN_PERCENT), reaches(&CRITICAL_PERCENT)) {
        (_, true) => Some(Severity::Critical),
        (true, false) => Some(Severity::Warning),
        (false, false) => None,
    }
}

/// Says why clear would not be proven: so many ports have a socket, and which of
/// these take theirs from everyone was not told.
fn untold(snapshot: &Snapshot, settings: &Settings<'_>, ports: &PortUse) -> Option<String> {
    let gap = snapshot.gaps.iter().find(|gap| gap.what == "binds")?;
    let whole = ports.range.ports();
    severity(settings, &Subject::Namespace, ports.touched, whole)?;
    Some(format!("{}: {}", gap.what, gap.reason))
}

fn exceeds_blocked(ports: &PortUse, budget: &Budget) -> bool {
    let product = |a: u32, b: u32| u64::from(a) * u64::from(b);
    product(budget.taken(), ports.range.ports()) > product(ports.blocked.total(), budget.capacity)
}

/// Judges the ports towards one destination.
fn used_up(
    snapshot: &Snapshot,
    settings: &Settings<'_>,
    ports: &PortUse,
    budget: &Budget,
) -> Option<Alert> {
    let subject = Subject::Ports { source: budget.source, destination: budget.destination };
    let severity = severity(settings, &subject, budget.taken(), budget.capacity)?;
    let left = time_left(snapshot, budget);
    let mut evidence = vec![
        ("used", budget.taken().into()),
        ("time_wait", time_wait(budget).into()),
        ("capacity", budget.capacity.into()),
        ("blocked", ports.blocked.total().into()),
    ];
    evidence.extend(left.map(|ms| ("exhausted_in_ms", ms)));
    Some(Alert {
        rule: ID.into(),
        severity,
        subject,
        count: budget.taken().into(),
        evidence,
        summary: summary(ports, budget, left),
        remedy: remedy(ports, budget),
    })
}

/// Judges the ports that no `connect()` can have, whatever its source and
/// destination.
fn blocked(settings: &Settings<'_>, ports: &PortUse) -> Option<Alert> {
    let (taken, whole) = (ports.blocked.total(), ports.range.ports());
    let severity = severity(settings, &Subject::Namespace, taken, whole)?;
    let left = whole.saturating_sub(taken);
    let rest = match left {
        0 => "none is left".to_owned(),
        left => format!("{} left for each destination", human::count(left.into())),
    };
    Some(Alert {
        rule: ID.into(),
        severity,
        subject: Subject::Namespace,
        count: taken.into(),
        evidence: vec![("blocked", taken.into()), ("capacity", left.into())],
        summary: format!(
            "{} ephemeral ports taken from every connect(): {}; {rest}",
            percent_of(taken.into(), whole.into()),
            holders(&ports.blocked),
        ),
        remedy: format!("{UNCOUNTED}; {}", unblock(&ports.blocked)),
    })
}

/// Judges the ports of a source whose programs bind before they connect.
fn bound_first(settings: &Settings<'_>, ports: &PortUse, source: &SourceBudget) -> Option<Alert> {
    let subject = Subject::Ports { source: source.source, destination: Endpoint::default() };
    if !source.binds_first() {
        return None;
    }
    severity(settings, &subject, source.used, source.capacity)?;
    Some(Alert {
        rule: ID.into(),
        // How they were bound is an estimate.
        severity: Severity::Warning,
        subject,
        count: source.used.into(),
        evidence: vec![
            ("used", source.used.into()),
            ("likely_bound", source.likely_bound.into()),
            ("capacity", source.capacity.into()),
            ("blocked", ports.blocked.total().into()),
        ],
        summary: format!(
            "{} ports used, {} of them look chosen by bind() before connect()",
            percent_of(source.used.into(), source.capacity.into()),
            human::count(source.likely_bound.into()),
        ),
        remedy: format!(
            "bind() fails with EADDRINUSE when none is left, and nothing counts it; {BOUND}"
        ),
    })
}

/// Returns the time until none is left when they are used up as fast as since the
/// earlier look.
fn time_left(snapshot: &Snapshot, budget: &Budget) -> Option<u64> {
    let past = snapshot.past.as_ref()?;
    let same = |b: &&Budget| (b.source, b.destination) == (budget.source, budget.destination);
    let before = past.snapshot.ports.as_ref()?.budgets.iter().find(same)?.taken();
    let more = budget.taken().checked_sub(before).filter(|more| *more > 0)?;
    Some(u64::from(budget.left()).saturating_mul(past.elapsed_ms) / u64::from(more))
}

/// Counts the records of TIME_WAIT that keep their port.
fn time_wait(budget: &Budget) -> u32 {
    budget.time_wait.saturating_sub(budget.reusable)
}

fn summary(ports: &PortUse, budget: &Budget, left: Option<u64>) -> String {
    let mut text =
        format!("{} ports used", percent_of(budget.taken().into(), budget.capacity.into()));
    if time_wait(budget) > 0 {
        text += &format!(", {} of them by TIME_WAIT", human::count(time_wait(budget).into()));
    }
    if ports.blocked.total() > 0 {
        text += &format!(", blocked: {}", holders(&ports.blocked));
    }
    match left {
        Some(0) => text += ", none is left",
        Some(ms) => text += &format!(", exhausted in {}", human::duration(ms)),
        None if budget.left() == 0 => text += ", none is left",
        None => {}
    }
    text
}

/// Writes `4 by listeners, 2 by bound sockets`.
fn holders(blocked: &Blocked) -> String {
    let parts = [
        (blocked.listening, "listeners"),
        (blocked.bound, "bound sockets"),
        (blocked.explicit, "connections bound to a number"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> =
        parts.map(|(count, whom)| format!("{} by {whom}", human::count(count.into()))).collect();
    parts.join(", ")
}

fn remedy(ports: &PortUse, budget: &Budget) -> String {
    if ports.blocked.total() > budget.taken() {
        return format!("{UNCOUNTED}; {}", unblock(&ports.blocked));
    }
    if time_wait(budget) * 2 <= budget.taken() {
        let same = |source: &SourceBudget| source.source == budget.source;
        let silent = ports.sources.iter().any(|s| same(s) && s.tells_nothing());
        let or_bound = if silent {
            "; if bind() before connect() chose these ports, which cannot be told, set \
             IP_BIND_ADDRESS_NO_PORT"
        } else {
            ""
        };
        return format!(
            "{UNCOUNTED}: reuse connections, use more source or destination addresses, or widen \
             net.ipv4.ip_local_port_range{or_bound}"
        );
    }
    let (held, or_reuse) = match ports.reuse {
        // What is older is not counted as used.
        Reuse::Always => ("until net.ipv4.tcp_tw_reuse_delay is over", ""),
        Reuse::Never | Reuse::Loopback | Reuse::Unknown => {
            ("for 60s", ", or set net.ipv4.tcp_tw_reuse to 1, with timestamps on")
        }
    };
    format!(
        "{UNCOUNTED}; most are held by TIME_WAIT {held}: reuse connections (a pool, keep-alive), \
         let the server close first{or_reuse}; tcp_fin_timeout does not help"
    )
}

/// Says what helps against sockets that were bound first.
const BOUND: &str = "sockets bound with bind() before connect() take their port for every \
                     destination: set IP_BIND_ADDRESS_NO_PORT on them and bind to port 0, or do \
                     not bind";

/// Says what gives blocked ports back.
fn unblock(blocked: &Blocked) -> &'static str {
    if blocked.listening * 2 > blocked.total() {
        "a listener takes its port from every connect(), whatever address it listens on: move \
         listeners out of net.ipv4.ip_local_port_range, or reserve their ports \
         (net.ipv4.ip_local_reserved_ports) and widen the range"
    } else {
        BOUND
    }
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "the local ports towards a destination run out",
    aliases: &[],
    now: &[
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_tw_reuse",
        "TIME_WAIT",
    ],
    see: &["ports", "time-wait", "bound", "time-wait-flood"],
    means: "A connection is told apart by both addresses and both ports. Towards one destination \
            address and port, one source address has only the ephemeral ports. The rule warns at \
            {setting:warn_percent} % and is critical at {setting:critical_percent} % of the ports \
            towards one destination, and of all ports when so many are taken from every connect(). \
            A port in TIME_WAIT that a new connection may take over is not counted. When none is \
            left, connect() fails with EADDRNOTAVAIL, and no counter, log or tracepoint tells; \
            before that connect() becomes slow.",
    look_at: &[
        "`sockstate ports`: used and capacity for each destination, how much of it is TIME_WAIT, \
         how long it will last.",
        "Ports that look chosen by bind(): a program that binds its source address before it \
         connects takes each port from everyone, for all destinations at once. Its own bind() then \
         fails with EADDRINUSE.",
        "Listeners and reserved ports inside the range. A listener takes its port from every \
         connect(), whatever address it listens on.",
    ],
    helps: &[
        "Keep connections and use them again: it removes the cause.",
        "A wider net.ipv4.ip_local_port_range, clear of your listeners: move them out of it, or \
         reserve their ports.",
        "More destination addresses or ports, or more source addresses.",
        "IP_BIND_ADDRESS_NO_PORT in programs that bind a source address.",
        "Where most of it is TIME_WAIT: net.ipv4.tcp_tw_reuse 1 with timestamps on both sides.",
    ],
    helps_not: &[
        "Lowering net.ipv4.tcp_fin_timeout: it does not shorten TIME_WAIT.",
        "Counting all connections of the machine: neither a large total nor a small one says \
         anything about one destination.",
    ],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 9s
  ports 10.0.3.7:5432 24000 20000 0 28232
  ports 10.0.3.8:5432 27500 100 0 28232
  ports 10.0.3.9:5432 27600 27500 27500 28232
at 10s
  ports 10.0.3.7:5432 26000 20000 0 28232
at 20s
  ports blocked 20000 8000 100
  ports 10.0.3.7:5432 100 0 0 132
at 21s
  ports blocked 20 23000 0
  ports 10.0.3.7:5432 5212 0 0 5212
at 22s
  ports bound-first 27000 1300 13000 28232
at 23s
  ports blocked 0 0 28232
  ports 10.0.3.7:5432 1 0 0 1
at 24s
  ports 10.0.3.7:5432 27000 0 0 28232
  ports bound-first 27000 0 0 28232
";
