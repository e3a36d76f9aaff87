//! The scenarios of tests/alerts: snapshots in, alerts out.
//!
//! A file is a list of lines; `#` begins a comment.
//!
//! | line | meaning |
//! |---|---|
//! | `rules TOML` | a line of rules.toml, read before everything else |
//! | `at TIME` | a look at this time begins; what follows describes it |
//! | `counter GROUP NAME N`, `sysctl NAME TEXT` | a number of the host |
//! | `listener LOCAL QUEUE/LIMIT DROPS PID COMM` | a TCP listener |
//! | `unix PATH QUEUE/LIMIT PID COMM` | a unix listener |
//! | `close-wait N AGE PID COMM` | so many sockets, this old; the first N cookies |
//! | `udp LOCAL DROPS QUEUE/BUFFER PID COMM` | a UDP socket |
//! | `counted YES UNKNOWN` | what the next custom rule counts |
//! | `gap WHAT REASON` | something that could not be seen |
//! | `expect CHANGE RULE SUBJECT` | a change of this look: `firing` or `resolved` |
//! | `standing N` | so many alerts fire after this look |
//! | `unknown RULE` | this rule cannot judge at this look |
//!
//! For the examples of rules there are more: `conn STATE LOCAL REMOTE NAME=VALUE…`, and
//! `waiting`, `half-open`, `new-time-wait`, `ports`, `dead` as below.
//!
//! Every change must be expected, and every expected one happen.

use std::sync::Arc;

use super::*;
use crate::filter::Filter;
use crate::kernel::proc_net::{InetLine, ProcAddress};
use crate::model::address::{Address, Endpoint};
use crate::model::age::Age;
use crate::model::conn::{Conn, ConnMemory};
use crate::model::gap::Gap;
use crate::model::listener::{HalfOpen, Listener, Waiting};
use crate::model::owner::Holder;
use crate::model::ports::{Blocked, Budget, PortUse, Range, Reuse, SourceBudget};
use crate::model::proto::{Family, Proto, TableId};
use crate::model::queues::AcceptQueue;
use crate::model::snapshot::{CustomCounts, Past, Snapshot, TimeWaits};
use crate::model::socket::{Socket, Timer, TimerKind};
use crate::model::standing::Standing as Row;
use crate::model::state::{State, TCP_STATES};
use crate::model::units::{self, Bare};
use crate::rules::alert_filter::{CustomFilters, filter_of};
use crate::rules::{self, EXAMPLES, Level, RULES, Rule, Shows, Subject};

const SCENARIOS: &[(&str, &str)] = &[
    ("counters", include_str!("../../tests/alerts/counters.txt")),
    ("custom", include_str!("../../tests/alerts/custom.txt")),
    ("flapping", include_str!("../../tests/alerts/flapping.txt")),
    ("gaps", include_str!("../../tests/alerts/gaps.txt")),
    ("growth", include_str!("../../tests/alerts/growth.txt")),
    ("hysteresis", include_str!("../../tests/alerts/hysteresis.txt")),
    ("owners", include_str!("../../tests/alerts/owners.txt")),
    ("pending", include_str!("../../tests/alerts/pending.txt")),
];

#[test]
fn scenarios_come_out_as_written() {
    for (name, text) in SCENARIOS {
        Scenario::new(text).run(name);
    }
}

/// Every rule says at its example what tests/wording has, and has the filter of
/// the sockets that it says it of.
#[test]
fn every_rule_says_what_it_should() {
    for (rule, example) in RULES.iter().zip(EXAMPLES) {
        let mut said = String::new();
        for (snapshot, alert) in alerts_of(rule.id, example) {
            let names: Vec<&str> = rule.evidence.iter().map(|(name, _)| *name).collect();
            let known = alert.evidence.iter().all(|(name, _)| names.contains(name));
            assert!(known, "{}: {:?} has what is not described", rule.id, alert.evidence);
            let filter = filter_of(&alert, &snapshot, &CustomFilters::default());
            match &filter {
                Some(text) => {
                    assert!(matches!(Filter::parse(&[text]), Ok(Some(_))), "{}: {text}", rule.id);
                }
                None => assert!(is_about_no_sockets(rule, &alert), "{}: no filter", rule.id),
            }
            said += &format!(
                "{} ({}): {}\n  {}\n  {}\n  filter: {}\n",
                alert.rule,
                alert.severity.name(),
                alert.subject,
                alert.summary,
                alert.remedy,
                filter.as_deref().unwrap_or("none")
            );
        }
        assert!(!said.is_empty(), "{} does not fire at its example", rule.id);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../tests/wording");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(rule.id, said));
    }
}

/// Tells whether an alert is about no sockets: a rule may say so, and a whole
/// namespace is no socket.
fn is_about_no_sockets(rule: &Rule, alert: &Alert) -> bool {
    let whole = matches!(alert.subject, Subject::Namespace | Subject::Host);
    match rule.shows {
        Shows::Nothing => true,
        Shows::Subject => whole,
        Shows::Filter(_) | Shows::Found(_) => false,
    }
}

/// Returns the alerts of a rule at each look of a scenario, with the look; what
/// grew, grew since the look before.
fn alerts_of(rule: &str, scenario: &str) -> Vec<(Arc<Snapshot>, Alert)> {
    let scenario = Scenario::new(scenario);
    let mut found = Vec::new();
    let mut before: Option<Arc<Snapshot>> = None;
    for mut step in scenario.looks {
        step.snapshot.past =
            before.take().map(|snapshot| Past { snapshot, elapsed_ms: step.at_ms });
        let judged = rules::judge(&step.snapshot, &scenario.config, Level::Firing);
        let snapshot = Arc::new(step.snapshot.forget_past());
        let alerts = judged.alerts.into_iter().filter(|alert| alert.rule == rule);
        found.extend(alerts.map(|alert| (Arc::clone(&snapshot), alert)));
        before = Some(snapshot);
    }
    found
}

struct Scenario {
    config: Config,
    looks: Vec<Step>,
}

#[derive(Default)]
struct Step {
    at_ms: u64,
    snapshot: Snapshot,
    expected: Vec<String>,
    standing: Option<usize>,
    known: Vec<String>,
    unknown: Vec<String>,
}

impl Scenario {
    fn new(text: &str) -> Self {
        let lines = || text.lines().map(|l| l.split('#').next().unwrap_or_default().trim());
        let toml: Vec<&str> = lines().filter_map(|line| line.strip_prefix("rules ")).collect();
        let mut config = Config::default();
        config.read("scenario", &toml.join("\n")).expect("rules that make sense");
        let mut looks: Vec<Step> = Vec::new();
        for line in lines().filter(|line| !line.is_empty() && !line.starts_with("rules ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["at", time] => looks.push(Step {
                    at_ms: units::milliseconds(time, Bare::Seconds).expect(line),
                    ..Step::default()
                }),
                words => looks.last_mut().expect("an `at` first").add(words),
            }
        }
        Self { config, looks }
    }

    fn run(self, name: &str) {
        let mut alerts = Alerts::default();
        let mut first: Option<(u64, Arc<Snapshot>)> = None;
        for mut step in self.looks {
            let at = format!("{name} at {} ms", step.at_ms);
            step.snapshot.past = first.as_ref().map(|(at_ms, snapshot)| Past {
                snapshot: Arc::clone(snapshot),
                elapsed_ms: step.at_ms - at_ms,
            });
            let look = Look {
                firing: rules::judge(&step.snapshot, &self.config, Level::Firing),
                clearing: rules::judge(&step.snapshot, &self.config, Level::Clearing),
            };
            for rule in &step.unknown {
                assert!(look.firing.unknown.iter().any(|u| u.rule == *rule), "{at}: {rule}");
            }
            for rule in &step.known {
                assert!(look.firing.unknown.iter().all(|u| u.rule != *rule), "{at}: {rule}");
            }
            let mut said: Vec<String> =
                alerts.step(step.at_ms, look, &self.config).iter().map(shown).collect();
            said.sort();
            step.expected.sort();
            assert_eq!(said, step.expected, "{at}");
            if let Some(standing) = step.standing {
                assert_eq!(alerts.firing().len(), standing, "{at}: {:?}", alerts.firing());
            }
            first.get_or_insert((step.at_ms, Arc::new(step.snapshot.forget_past())));
        }
    }
}

fn shown(change: &AlertChange) -> String {
    let (word, standing) = match change {
        AlertChange::Firing(standing) => ("firing", standing),
        AlertChange::Resolved(standing) => ("resolved", standing),
    };
    let alert = &standing.alert;
    format!("{word} {} {} {}", alert.severity.name(), alert.rule, alert.subject)
}

impl Step {
    fn add(&mut self, words: &[&str]) {
        let snapshot = &mut self.snapshot;
        match words {
            ["counter", group, name, value] => {
                let text = format!("{group}: {name}\n{group}: {value}\n");
                snapshot.host.counters.parse_pairs(text.as_bytes());
            }
            ["sysctl", name, value @ ..] => {
                assert!(snapshot.host.sysctls.set(name, value.join(" ").as_bytes()));
            }
            ["listener", local, queue, drops, pid, comm] => {
                let socket = socket(endpoint(local), State::Listen);
                let drops = Some(drops.parse().expect("drops"));
                own(snapshot, socket.inode, pid, comm);
                snapshot.listeners.push(listener(socket, queue, drops, None));
            }
            ["unix", path, queue, pid, comm] => {
                let table = TableId { proto: Proto::Unix, family: Family::Unix };
                let mut socket = socket(endpoint("0.0.0.0:77"), State::Listen);
                socket.table = table;
                socket.ends = crate::model::socket::Ends::Unix {
                    kind: crate::model::socket::SocketType::Stream,
                };
                own(snapshot, socket.inode, pid, comm);
                let name = Some((false, path.as_bytes().to_vec()));
                snapshot.listeners.push(listener(socket, queue, None, name));
            }
            ["close-wait", count, age, pid, comm] => {
                let age = units::milliseconds(age, Bare::Seconds).expect("an age");
                let count: u32 = count.parse().expect("a count");
                // Apart from the inodes of listeners, which are ports.
                for cookie in 100_001..=100_000 + count {
                    own(snapshot, cookie, pid, comm);
                    snapshot.conns.push(close_wait(cookie, age));
                }
            }
            ["nobody"] => snapshot.owners = Arc::default(),
            ["unasked"] => {
                snapshot.owners = Arc::default();
                snapshot.unasked = snapshot.conns.iter().map(|conn| conn.inode).collect();
            }
            ["udp", local, drops, queue, pid, comm] => {
                let conn = udp(endpoint(local), drops, queue);
                own(snapshot, conn.inode, pid, comm);
                snapshot.udp.push(conn);
            }
            ["counted", yes, unknown] => snapshot.counted.push(CustomCounts {
                yes: yes.parse().expect("a count"),
                unknown: unknown.parse().expect("a count"),
            }),
            ["conn", state, local, remote, rest @ ..] => {
                let state = TCP_STATES.into_iter().find(|s| s.to_string() == *state);
                let id = 200_001 + snapshot.conns.len() as u32;
                let mut conn = conn(Proto::Tcp, endpoint(local), state.expect("a state"), id);
                conn.remote = endpoint(remote);
                rest.iter().for_each(|member| set(&mut conn, member));
                own(snapshot, id, "812", "api");
                snapshot.conns.push(conn);
            }
            ["waiting", remote, age] => {
                let age = Some(Age {
                    min_ms: units::milliseconds(age, Bare::Seconds).expect("an age"),
                    max_ms: None,
                });
                let listener = snapshot.listeners.last_mut().expect("a listener first");
                listener.waiting.push(Waiting { remote: endpoint(remote), age });
            }
            ["half-open", all, repeated, sources] => {
                let listener = snapshot.listeners.last_mut().expect("a listener first");
                listener.syn_queue = all.parse().ok();
                listener.half_open.repeated = repeated.parse().expect("a count");
                let address = |n: u8| Address::v4([192, 0, 2, n]);
                let sources: u8 = sources.parse().expect("a count");
                listener.half_open.sources = (0..sources).map(address).collect();
            }
            ["new-time-wait", "port", port, young] => {
                let place = port.parse().expect("a port");
                let young = young.parse().expect("a count");
                snapshot.time_wait.local_ports.push(TimeWaits { place, young });
            }
            ["new-time-wait", "to", remote, young] => {
                let young = young.parse().expect("a count");
                let place = endpoint(remote);
                snapshot.time_wait.remotes.push(TimeWaits { place, young });
            }
            ["ports", "blocked", numbers @ ..] => {
                let [listening, bound, explicit] = counts(numbers);
                let ports = snapshot.ports.get_or_insert_with(no_ports);
                ports.blocked = Blocked { listening, bound, explicit };
                ports.touched = ports.blocked.total();
            }
            ["ports", "touched", count] => {
                let ports = snapshot.ports.get_or_insert_with(no_ports);
                ports.touched = count.parse().expect("a count");
            }
            ["ports", "bound-first", numbers @ ..] => {
                let [used, shared, likely_bound, capacity] = counts(numbers);
                let source = Address::v4([10, 0, 0, 1]);
                let ports = snapshot.ports.get_or_insert_with(no_ports);
                ports.sources.push(SourceBudget {
                    source,
                    used,
                    shared,
                    blocked: 0,
                    likely_bound,
                    capacity,
                });
            }
            ["ports", remote, numbers @ ..] => {
                let [used, time_wait, reusable, capacity] = counts(numbers);
                let ports = snapshot.ports.get_or_insert_with(no_ports);
                ports.budgets.push(Budget {
                    source: Address::v4([10, 0, 0, 1]),
                    destination: endpoint(remote),
                    used,
                    time_wait,
                    reusable,
                    capacity,
                    growth: None,
                });
                ports.touched = ports.touched.max(used);
            }
            ["dead", count, pid, comm] => {
                std::sync::Arc::make_mut(&mut snapshot.owners)
                    .name_process(pid.parse().expect("an id"), comm.as_bytes());
                let dead = snapshot.dead_fds.get_or_insert_default();
                let pid = pid.parse().expect("an id");
                dead.processes.push((pid, count.parse().expect("a count")));
            }
            ["gap", what, reason @ ..] => {
                let what = ["tcp", "tcp6", "udp", "counters", "unix", "binds"]
                    .into_iter()
                    .find(|w| w == what);
                snapshot.gaps.push(Gap::new(what.expect("a known gap"), reason.join(" ")));
            }
            ["expect", rest @ ..] => self.expected.push(rest.join(" ")),
            ["standing", count] => self.standing = count.parse().ok(),
            ["known", rule] => self.known.push((*rule).to_owned()),
            ["unknown", rule] => self.unknown.push((*rule).to_owned()),
            other => panic!("what is {other:?}?"),
        }
    }
}

/// Sets a member as in `age=5s`, `retransmits=4`, `recv=70000` and so on.
fn set(conn: &mut Conn, member: &str) {
    let (name, value) = member.split_once('=').expect(member);
    let number = || value.parse::<u64>().expect(member);
    let ms = || units::milliseconds(value, Bare::Seconds).expect(member);
    let info = conn.info.get_or_insert_default();
    match name {
        "age" => conn.age = Some(Age { min_ms: ms(), max_ms: None }),
        "orphan" => conn.inode = 0,
        "recv" => conn.recv_q = Some(number() as u32),
        "send" => conn.send_q = Some(number() as u32),
        "timer" | "probes" => {
            let kind = if name == "timer" { TimerKind::Retransmit } else { TimerKind::Probe };
            let retransmits = number() as u8;
            conn.timer = Some(Timer { kind, expires_ms: 100, retransmits });
        }
        // One timeout that was doubled, of which the timer above is what is left.
        "stalled" => (info.rto_ms, info.backoff) = (Some(ms() + 100), Some(1)),
        "window" => info.snd_wnd = Some(number()),
        "limited" => {
            info.rwnd_limited_ms = Some(ms());
            info.last_data_sent_ms = Some(ms());
        }
        "quiet" => info.last_data_recv_ms = Some(ms()),
        _ => panic!("what is {member}?"),
    }
}

fn own(snapshot: &mut Snapshot, inode: u32, pid: &str, comm: &str) {
    let pid = pid.parse().expect("a process id");
    std::sync::Arc::make_mut(&mut snapshot.owners).add(inode, Holder { pid, fd: inode });
    std::sync::Arc::make_mut(&mut snapshot.owners).name_process(pid, comm.as_bytes());
}

fn endpoint(text: &str) -> Endpoint {
    let address: std::net::SocketAddrV4 = text.parse().expect(text);
    Endpoint::new(Address::v4(address.ip().octets()), address.port())
}

fn counts<const N: usize>(words: &[&str]) -> [u32; N] {
    let counts: Vec<u32> = words.iter().map(|n| n.parse().expect("a count")).collect();
    counts.try_into().expect("so many counts")
}

/// Returns the usual range, unused.
fn no_ports() -> PortUse {
    PortUse {
        range: Range { low: 32_768, high: 60_999, reserved: 0 },
        blocked: Blocked::default(),
        touched: 0,
        reuse: Reuse::Loopback,
        budgets: Vec::new(),
        sources: Vec::new(),
    }
}

fn pair(text: &str) -> (u32, u32) {
    let (first, second) = text.split_once('/').expect("A/B");
    (first.parse().expect("a number"), second.parse().expect("a number"))
}

/// Returns a socket whose inode is its port.
fn socket(local: Endpoint, state: State) -> Socket {
    let line = InetLine {
        local: ProcAddress::V4(local.address.as_v4().expect("IPv4")),
        local_port: local.port,
        remote: ProcAddress::V4([0; 4]),
        remote_port: 0,
        state: state.number(),
        tx_queue: 0,
        rx_queue: 0,
        timer: 0,
        expires_ms: 0,
        retrans: 0,
        probes: 0,
        uid: 0,
        inode: local.port.into(),
        drops: None,
    };
    Socket::from_proc_inet(&line, TableId { proto: Proto::Tcp, family: Family::Inet })
}

fn listener(
    socket: Socket,
    queue: &str,
    drops: Option<u32>,
    unix_name: Option<(bool, Vec<u8>)>,
) -> Listener {
    let (len, limit) = pair(queue);
    Listener {
        socket,
        queue: AcceptQueue { len: Some(len), limit: Some(limit), drops },
        unix_name,
        syn_queue: Some(0),
        half_open: HalfOpen::default(),
        waiting: Vec::new(),
        shared_by: 1,
    }
}

fn conn(proto: Proto, local: Endpoint, state: State, id: u32) -> Conn {
    Conn {
        table: TableId { proto, family: Family::Inet },
        state,
        local,
        remote: endpoint("10.0.0.9:5432"),
        cookie: id.into(),
        inode: id,
        uid: Some(0),
        standing: Row::Descriptor,
        timer: None,
        recv_q: Some(1),
        send_q: Some(0),
        age: None,
        info: None,
        memory: None,
        drops: None,
    }
}

fn close_wait(id: u32, age: u64) -> Conn {
    let age = Some(Age { min_ms: age, max_ms: None });
    Conn { age, ..conn(Proto::Tcp, endpoint("10.0.0.1:40000"), State::CloseWait, id) }
}

fn udp(local: Endpoint, drops: &str, queue: &str) -> Conn {
    let (queued, buffer) = pair(queue);
    Conn {
        recv_q: Some(queued),
        drops: Some(drops.parse().expect("drops")),
        memory: Some(ConnMemory { rcvbuf: Some(buffer), sndbuf: None }),
        ..conn(Proto::Udp, local, State::Close, local.port.into())
    }
}
