//! port-exhaustion: the ephemeral ports towards one destination run out.

use crate::model::frame::{Frame, PortUse};
use crate::model::human;

use super::settings::{percent_of, reaches};
use super::{
    Alert, Needs, Rule, Settings, Severity, Subject, TCP_AND_HOST, Threshold, Verdict, verdict_or,
};

const ID: &str = "port-exhaustion";

const WARN_PERCENT: Threshold =
    Threshold::percent("warn_percent", 80, "part of the ports that is worth a warning");
const CRITICAL_PERCENT: Threshold =
    Threshold::percent("critical_percent", 95, "part of the ports that is critical");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "warn_percent (critical: critical_percent) of the ephemeral ports of one of our \
            addresses towards one destination are used",
    evidence: &[
        ("used", "ports in use towards the destination"),
        ("time_wait", "those of them in TIME_WAIT"),
        ("capacity", "ports there are, without reserved ones and those bound for everyone"),
        ("blocked", "ports that explicit binds take from everyone"),
        ("exhausted_in_ms", "until none is left at the present rate; with --for"),
    ],
    thresholds: &[WARN_PERCENT, CRITICAL_PERCENT],
    hold_ms: 0,
    needs: Needs { glance: true, ports: true, ..Needs::NONE },
    inputs: TCP_AND_HOST,
    check,
};

fn check(frame: &Frame, settings: &Settings<'_>) -> Verdict {
    let Some(ports) = &frame.ports else {
        return Verdict::Unknown("net.ipv4.ip_local_port_range cannot be read".into());
    };
    let found = ports.iter().filter_map(|ports| alert(frame, settings, ports));
    verdict_or(found.collect(), None)
}

fn alert(frame: &Frame, settings: &Settings<'_>, ports: &PortUse) -> Option<Alert> {
    let subject = Subject::Ports { source: ports.source, destination: ports.destination };
    // A port that is blocked for everyone is as good as used.
    let (used, whole) = (ports.used + ports.blocked, ports.capacity + ports.blocked);
    if !reaches(used, settings.of(&WARN_PERCENT, &subject), whole) {
        return None;
    }
    let critical = reaches(used, settings.of(&CRITICAL_PERCENT, &subject), whole);
    let left = time_left(frame, ports);
    let mut evidence = vec![
        ("used", ports.used),
        ("time_wait", ports.time_wait),
        ("capacity", ports.capacity),
        ("blocked", ports.blocked),
    ];
    evidence.extend(left.map(|ms| ("exhausted_in_ms", ms)));
    Some(Alert {
        rule: ID.into(),
        severity: if critical { Severity::Critical } else { Severity::Warning },
        subject,
        count: ports.used,
        evidence,
        summary: summary(ports, left),
        remedy: remedy(ports).to_owned(),
    })
}

/// Until none is left when they are used up as fast as since the earlier look.
fn time_left(frame: &Frame, ports: &PortUse) -> Option<u64> {
    let past = frame.past.as_ref()?;
    let same = |p: &&PortUse| (p.source, p.destination) == (ports.source, ports.destination);
    let before = past.frame.ports.as_ref()?.iter().find(same)?.used;
    let more = ports.used.checked_sub(before).filter(|more| *more > 0)?;
    let free = ports.capacity.saturating_sub(ports.used);
    Some(free.saturating_mul(past.elapsed_ms) / more)
}

fn summary(ports: &PortUse, left: Option<u64>) -> String {
    let mut text = format!("{} ports used", percent_of(ports.used, ports.capacity));
    if ports.time_wait > 0 {
        text += &format!(", {} of them by TIME_WAIT", human::count(ports.time_wait));
    }
    if ports.blocked > 0 {
        text += &format!(", {} blocked by explicit binds", human::count(ports.blocked));
    }
    match left {
        Some(0) => text += ", none is left",
        Some(ms) => text += &format!(", exhausted in {}", human::duration(ms)),
        None if ports.used >= ports.capacity => text += ", none is left",
        None => {}
    }
    text
}

fn remedy(ports: &PortUse) -> &'static str {
    if ports.blocked > ports.used {
        "connect() fails with EADDRNOTAVAIL when none is left, and nothing counts it; sockets \
         bound with bind() before connect() take their port for every destination: set \
         IP_BIND_ADDRESS_NO_PORT on them, or do not bind"
    } else if ports.time_wait * 2 > ports.used {
        "connect() fails with EADDRNOTAVAIL when none is left, and nothing counts it; most are \
         held by TIME_WAIT for 60 s: reuse connections (a pool, keep-alive), let the server close \
         first, or allow net.ipv4.tcp_tw_reuse; tcp_fin_timeout does not help"
    } else {
        "connect() fails with EADDRNOTAVAIL when none is left, and nothing counts it: reuse \
         connections, use more source or destination addresses, or widen \
         net.ipv4.ip_local_port_range"
    }
}
