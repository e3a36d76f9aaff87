//! syn-queue-full: handshakes that clients do not complete fill the SYN queue.

use crate::model::human;
use crate::model::listener::Listener;
use crate::model::proto::Proto;
use crate::model::snapshot::Snapshot;
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "syn-queue-full";

const REPEATED: Threshold = Threshold::count(
    "repeated",
    "handshakes",
    100,
    "so many whose SYN-ACK had to be repeated, at one listener",
);

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "a listener has more half-open connections than its limit, or repeated of them whose \
            SYN-ACK had to be sent again, or SYN cookies are sent and SYNs dropped while one looks",
    evidence: &[
        ("syn_queue", "half-open connections of the listener"),
        ("limit", "its limit, the listener's backlog"),
        ("repeated", "those whose SYN-ACK had to be repeated"),
        ("sources", "client addresses"),
        ("accept_queue", "complete connections that wait at the same listener"),
        ("cookies_sent", "SYN cookies sent while one looked; with --for"),
        ("cookies_received", "of which came back, from real clients; with --for"),
        ("syns_dropped", "SYNs dropped for a full SYN queue while one looked; with --for"),
    ],
    thresholds: &[REPEATED],
    needs: Needs { listeners: true, host: true, ..Needs::NONE },
    check,
    shows: Shows::Found(|alert, _| half_open(&alert.subject)),
    page: PAGE,
};

/// Holds what the namespace's counters say of the time one looked.
#[derive(Clone, Copy)]
struct Cookies {
    sent: u64,
    received: u64,
    dropped: u64,
}

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let rise = |name| snapshot.counter("TcpExt", name).rise();
    // With tcp_syncookies = 2 a cookie answers every SYN, full queue or not
    // (tcp_conn_request): then they say nothing.
    let always = snapshot.host.sysctls.syncookies() == Some(2);
    let cookies = Cookies {
        sent: if always { 0 } else { rise("SyncookiesSent").max(rise("TCPReqQFullDoCookies")) },
        received: rise("SyncookiesRecv"),
        dropped: rise("TCPReqQFullDrop"),
    };
    let tcp = |l: &&Listener| l.socket.table.proto == Proto::Tcp;
    let mut found: Vec<Alert> = snapshot
        .listeners
        .iter()
        .filter(tcp)
        .filter_map(|listener| of_listener(snapshot, settings, listener, cookies))
        .collect();
    if found.is_empty() && (cookies.sent, cookies.dropped) != (0, 0) {
        found.push(of_counters(snapshot, cookies));
    }
    Verdict::of(found)
}

/// Tells whether nothing leaves its SYN queue because its accept queue is full.
fn is_stalled(listener: &Listener) -> bool {
    let queue = &listener.queue;
    listener.socket.table.proto == Proto::Tcp
        && queue.len.zip(queue.limit).is_some_and(|(len, limit)| len > limit)
}

/// Counts the handshakes that matter: at a listener with TCP_DEFER_ACCEPT those whose
/// SYN-ACK is not repeated only wait for the client to speak.
fn waiting(listener: &Listener) -> u64 {
    let all = u64::from(listener.syn_queue.unwrap_or(0));
    if listener.half_open.deferred > 0 { listener.half_open.repeated.into() } else { all }
}

fn of_listener(
    snapshot: &Snapshot,
    settings: &Settings<'_>,
    listener: &Listener,
    cookies: Cookies,
) -> Option<Alert> {
    let subject = Subject::listener(snapshot, listener)?;
    let waiting = waiting(listener);
    let repeated = u64::from(listener.half_open.repeated);
    let limit = listener.queue.limit.map(u64::from);
    // The kernel's test is length > limit (inet_csk_reqsk_queue_is_full); the
    // rows of listeners that share a port are those of all of them.
    let room = limit.map(|limit| limit.saturating_mul(listener.shared_by.max(1).into()));
    // Within its first second a handshake is nothing but young.
    let full = repeated > 0 && room.is_some_and(|room| waiting > room);
    if !full && repeated < settings.of(&REPEATED, &subject) {
        return None;
    }
    let sources = listener.half_open.sources.len() as u64;
    let queue = listener.queue.len.map_or(0, u64::from);
    let mut evidence = vec![("syn_queue", waiting)];
    evidence.extend(limit.map(|limit| ("limit", limit)));
    evidence.extend([("repeated", repeated), ("sources", sources), ("accept_queue", queue)]);
    if snapshot.past.is_some() {
        evidence.extend(counters(cookies));
    }
    let of = limit.map_or(String::new(), |limit| format!("/{}", human::count(limit)));
    Some(Alert {
        rule: ID.into(),
        severity: if full { Severity::Critical } else { Severity::Warning },
        subject,
        count: waiting,
        evidence,
        summary: format!(
            "SYN queue {}{of}, {} repeated SYN-ACKs, from {}{}",
            human::count(waiting),
            human::count(repeated),
            plural_addresses(sources),
            cookies.text()
        ),
        remedy: remedy(cookies, is_stalled(listener), snapshot.host.sysctls.syncookies()),
    })
}

/// Returns a filter of half-open connections, with their listener where it is
/// known.
fn half_open(subject: &Subject) -> String {
    match subject {
        Subject::Namespace => "state syn-recv",
        _ => "state listen state syn-recv",
    }
    .to_owned()
}

fn of_counters(snapshot: &Snapshot, cookies: Cookies) -> Alert {
    let (text, sysctls) = (cookies.text(), &snapshot.host.sysctls);
    Alert {
        rule: ID.into(),
        severity: Severity::Warning,
        subject: Subject::Namespace,
        count: cookies.sent.saturating_add(cookies.dropped),
        evidence: counters(cookies).to_vec(),
        summary: format!("a SYN queue was full{text}; which listener's it was, no counter tells"),
        remedy: remedy(cookies, snapshot.listeners.iter().any(is_stalled), sysctls.syncookies()),
    }
}

fn counters(cookies: Cookies) -> [(&'static str, u64); 3] {
    [
        ("cookies_sent", cookies.sent),
        ("cookies_received", cookies.received),
        ("syns_dropped", cookies.dropped),
    ]
}

fn plural_addresses(n: u64) -> String {
    if n == 1 { "1 address".to_owned() } else { format!("{} addresses", human::count(n)) }
}

impl Cookies {
    fn text(self) -> String {
        let mut text = String::new();
        if self.sent > 0 {
            text += &format!(
                ", {} sent, {} came back",
                human::plural(self.sent, "cookie"),
                human::count(self.received)
            );
        }
        if self.dropped > 0 {
            text += &format!(", {} dropped", human::plural(self.dropped, "SYN"));
        }
        text
    }
}

/// Says who fills the queue and what helps. Its limit is the listener's backlog;
/// tcp_max_syn_backlog counts only without cookies (`tcp_conn_request`).
fn remedy(cookies: Cookies, stalled: bool, syncookies: Option<u64>) -> String {
    let cause = if stalled {
        "an accept queue is full, and that alone fills the SYN queue of its listener: see \
         accept-queue-overflow and accept-stall first"
    } else if cookies.sent > 0 && cookies.received >= cookies.sent.div_ceil(2) {
        "most cookies come back, so the clients are real: the listener's backlog is too small for \
         them, raise it in listen() and net.core.somaxconn"
    } else if cookies.sent > 0 {
        "few cookies come back, so most of the senders are spoofed: a SYN flood, which cookies \
         survive; filter it upstream"
    } else {
        "either a flood of SYNs from addresses that do not answer, or clients that the SYN-ACK \
         does not reach (routing, a firewall in one direction); a stalled accept queue looks the \
         same"
    };
    match syncookies {
        Some(0) => format!(
            "{cause}; net.ipv4.tcp_syncookies is 0, so SYNs are dropped when the queue is full: \
             set it to 1"
        ),
        _ => cause.to_owned(),
    }
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "more half-open connections than a listener may have",
    aliases: &[],
    now: &[
        "SYN_RECV",
        "SyncookiesSent",
        "SyncookiesRecv",
        "SyncookiesFailed",
        "TCPReqQFullDoCookies",
        "TCPReqQFullDrop",
        "net.ipv4.tcp_syncookies",
    ],
    see: &["syn-queue", "syn-recv", "accept-queue-overflow"],
    means: "A listener has more handshakes under way than its backlog, or cookies are being sent, \
            or a hundred and more SYN-ACKs had to be repeated. It is a flood, or a burst of real \
            clients, or replies that get lost; a stalled accept queue looks the same, because both \
            queues share one limit.",
    look_at: &[
        "The accept queue of the same listener first.",
        "SyncookiesRecv against SyncookiesSent over the same time: close to 1 means real clients, \
         close to 0 means spoofed senders.",
        "How many different sources there are, and whether retransmits are 0: with \
         TCP_DEFER_ACCEPT such rows are normal.",
        "ListenDrops at 0 proves nothing: a SYN that is answered with a cookie is not dropped.",
    ],
    helps: &[
        "Real clients: raise the application's backlog (and net.core.somaxconn with it), and \
         accept faster.",
        "Spoofed senders: leave net.ipv4.tcp_syncookies at 1, and have them filtered upstream.",
    ],
    helps_not: &[
        "Raising net.ipv4.tcp_max_syn_backlog: it is a limit only when cookies are off.",
        "Setting net.ipv4.tcp_syncookies to 0: the SYNs of real clients are then dropped with the \
         others.",
    ],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 1s
at 2s
  sysctl net.ipv4.tcp_syncookies 1
  listener 0.0.0.0:443 2/511 0 30 nginx
  half-open 512 400 250
  counter TcpExt SyncookiesSent 100
  counter TcpExt SyncookiesRecv 10
at 5s
  sysctl net.ipv4.tcp_syncookies 1
  listener 0.0.0.0:443 2/511 0 30 nginx
  half-open 512 400 250
  counter TcpExt SyncookiesSent 1100
at 6s
  listener 0.0.0.0:443 600/511 0 30 nginx
  half-open 512 400 1
at 7s
  sysctl net.ipv4.tcp_syncookies 0
  listener 0.0.0.0:443 0/511 0 30 nginx
  half-open 512 400 3
";
