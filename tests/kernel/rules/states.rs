//! Rules about sockets that stay in a state.

use anyhow::ensure;
use rustix::process::Signal;
use socket2::Socket;

use super::{
    Check, alerts_of, check, clears, client, evidence, fires, fires_once, hear_nothing,
    is_about_us, is_clear, listener, loopback, pair, port, port_of, start, tcp,
};
use crate::kit::netns;
use crate::kit::states::{self, By, Family, Held, Unread};
use crate::kit::{Impossible, Result, many_descriptors, poll};

pub const CHECKS: &[Check] = &[
    ("close_wait_leak", close_wait_leak),
    ("close_wait_leak_growth", close_wait_growth),
    ("close_wait_leak_hidden_owner", close_wait_hidden),
    ("close_wait_leak_of_the_limit", close_wait_of_limit),
    ("close_wait_leak_unknown_without_tcp_info", close_wait_by_proc),
    ("fin_wait1_stuck", || stuck("fin-wait1-stuck", states::fin_wait1)),
    ("last_ack_stuck", || stuck("last-ack-stuck", states::last_ack)),
    ("closing_stuck", || stuck("closing-stuck", states::closing)),
    ("fin_wait2_stuck", fin_wait2_stuck),
    ("syn_sent_stuck", syn_sent_stuck),
    ("self_connect", self_connect),
    ("time_wait_flood_buckets", time_wait_buckets),
    ("time_wait_flood_rate", time_wait_rate),
    ("time_wait_flood_refused", time_wait_refused),
    ("port_exhaustion_by_connect", ports_by_connect),
    ("port_exhaustion_by_bind", ports_by_bind),
    ("port_exhaustion_not_by_reusable_time_wait", ports_reusable),
    ("port_exhaustion_beside_reserved_ports", ports_reserved),
    ("port_exhaustion_by_listeners_of_other_addresses", ports_by_listeners),
    ("port_exhaustion_by_numbers", ports_by_numbers),
    ("port_exhaustion_by_bind_before_connect", ports_by_bind_before_connect),
];

const LEAK: &str = "close-wait-leak";
const QUICK_LEAK: &str = "[close-wait-leak]\nage = \"500ms\"\nmin_count = 3\n";

fn sysctl(name: &str, value: &str) -> Result<()> {
    netns::sysctl(name, value)
        .map_err(|error| Impossible(format!("writing {name}: {error}")).into())
}

fn close_wait_leak() -> Result<()> {
    let mut held: Vec<Held> = [Unread::Nothing, Unread::Eof]
        .into_iter()
        .map(|unread| states::close_wait(Family::V4, unread))
        .collect::<Result<_>>()?;
    // Unaccepted ones belong to accept-stall, however many.
    let unaccepted: Vec<Held> =
        (0..4).map(|_| states::close_wait_unaccepted(Family::V4)).collect::<Result<_>>()?;
    std::thread::sleep(std::time::Duration::from_millis(700));
    is_clear(LEAK, QUICK_LEAK)?;
    held.push(states::close_wait(Family::V6, Unread::Bytes(5))?);
    // Young ones are none either.
    is_clear(LEAK, "[close-wait-leak]\nmin_count = 3\n")?;
    let alert = fires_once(LEAK, QUICK_LEAK)?;
    is_about_us(&alert)?;
    ensure!(alert["severity"] == "warning" && alert["count"] == 3, "{alert:#}");
    for name in ["eof_read", "eof_unread", "data_unread"] {
        ensure!(evidence(&alert, name)? == 1, "{alert:#}");
    }
    let critical = format!("{QUICK_LEAK}critical_count = 3\n");
    ensure!(fires_once(LEAK, &critical)?["severity"] == "critical", "not critical");
    held.pop();
    clears(LEAK, QUICK_LEAK)?;
    drop((held, unaccepted));
    Ok(())
}

/// Some connections whose clients have hung up just now.
fn hung_up(server: &Socket, at: u16) -> Result<Vec<Socket>> {
    (0..8).map(|_| Ok(pair(server, at)?.0)).collect()
}

fn close_wait_growth() -> Result<()> {
    many_descriptors(8_192)?;
    let toml = "[close-wait-leak]\nwindow = \"500ms\"\ngrowth = 5\n";
    let (server, at) = listener(64)?;
    let mut held = hung_up(&server, at)?;
    let (run, _dir) = start(LEAK, toml, &["--for", "3s", "--interval", "100ms"])?;
    let mut running = run.start()?;
    running.meanwhile(|| {
        held.push(pair(&server, at)?.0);
        Ok(())
    })?;
    let output = running.finish()?;
    let alerts = alerts_of(&output)?;
    ensure!(alerts.len() == 1 && evidence(&alerts[0], "growth")? >= 5, "{output}");
    is_about_us(&alerts[0])?;
    // Those that hung up less than half a window ago may be closed yet.
    let window = "[close-wait-leak]\nwindow = \"16s\"\ngrowth = 5\n";
    let (run, _dir) = start(LEAK, window, &["--for", "16s", "--interval", "100ms"])?;
    let running = run.start()?;
    // It stands still until its time is over: the look that comes then is its last.
    std::thread::sleep(std::time::Duration::from_secs(1));
    running.signal(Signal::STOP)?;
    std::thread::sleep(std::time::Duration::from_secs(16));
    held.extend(hung_up(&server, at)?);
    running.signal(Signal::CONT)?;
    let output = running.finish()?;
    ensure!(alerts_of(&output)?.is_empty(), "{output}");
    // As many, but none more.
    let output = check(LEAK, toml, &["--for", "700ms", "--interval", "100ms"])?;
    ensure!(alerts_of(&output)?.is_empty(), "{output}");
    Ok(())
}

/// Few as they are: too large a part of what the process may open.
fn close_wait_of_limit() -> Result<()> {
    let _held: Vec<Held> =
        (0..3).map(|_| states::close_wait(Family::V4, Unread::Nothing)).collect::<Result<_>>()?;
    ensure!(fires_once(LEAK, QUICK_LEAK)?["severity"] == "warning", "of thousands, 3 are few");
    let alert = fires_once(LEAK, &format!("{QUICK_LEAK}limit_percent = 0\n"))?;
    ensure!(alert["severity"] == "critical" && alert["count"] == 3, "{alert:#}");
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    ensure!(alert["evidence"]["open_files_limit"].as_u64() == limit, "{limit:?} {alert:#}");
    Ok(())
}

/// Who may not see the process still sees the leak, by user.
fn close_wait_hidden() -> Result<()> {
    let _held: Vec<Held> =
        (0..3).map(|_| states::close_wait(Family::V4, Unread::Eof)).collect::<Result<_>>()?;
    fires_once(LEAK, QUICK_LEAK)?;
    let output = start(LEAK, QUICK_LEAK, &[])?;
    let output = output.0.without_capabilities().run()?;
    let alerts = alerts_of(&output)?;
    ensure!(alerts.len() == 1 && alerts[0]["subject"]["user"]["uid"].is_u64(), "{output}");
    Ok(())
}

/// /proc/net has no ages: then it cannot be told, and that is not "clear".
fn close_wait_by_proc() -> Result<()> {
    let _held: Vec<Held> =
        (0..3).map(|_| states::close_wait(Family::V4, Unread::Eof)).collect::<Result<_>>()?;
    let output = check(LEAK, QUICK_LEAK, &["--source", "proc"])?.ended(3)?;
    ensure!(output.json()?["unknown"][0]["rule"] == LEAK, "{output}");
    ensure!(output.json()?["status"] == "UNKNOWN", "{output}");
    Ok(())
}

/// A FIN of ours that gets lost: orphaned, and still held.
fn stuck(rule: &str, make: fn(Family, By) -> Result<Held>) -> Result<()> {
    let fresh = make(Family::V4, By::Close)?;
    is_clear(rule, "")?;
    let alert = fires_once(rule, "")?;
    ensure!(alert["count"] == 1 && evidence(&alert, "orphans")? == 1, "{alert:#}");
    ensure!(evidence(&alert, "retransmits")? >= 3, "{alert:#}");
    ensure!(port(&alert) == Some(fresh.local.port().into()), "{alert:#}");
    // The peer resets what it has not heard of.
    if let Some(peer) = &fresh.peer {
        peer.set_linger(Some(std::time::Duration::ZERO))?;
    }
    drop(fresh);
    clears(rule, "")?;
    let _owned = make(Family::V6, By::Shutdown)?;
    let alert = fires_once(rule, &format!("[{rule}]\nretransmits = 1\n"))?;
    ensure!(evidence(&alert, "orphans")? == 0, "{alert:#}");
    Ok(())
}

fn fin_wait2_stuck() -> Result<()> {
    let quick = "[fin-wait2-stuck]\nage = \"300ms\"\n";
    // What is closed ends by itself.
    let _closed = states::fin_wait2(Family::V4, By::Close)?;
    let held = states::fin_wait2(Family::V4, By::Shutdown)?;
    is_clear("fin-wait2-stuck", "")?;
    let alert = fires_once("fin-wait2-stuck", quick)?;
    is_about_us(&alert)?;
    ensure!(alert["count"] == 1 && evidence(&alert, "oldest_ms")? >= 300, "{alert:#}");
    drop(held);
    clears("fin-wait2-stuck", quick)
}

fn syn_sent_stuck() -> Result<()> {
    let deaf = |port: u16| -> Result<Socket> {
        let socket = tcp()?;
        hear_nothing(&socket)?;
        socket.set_nonblocking(true)?;
        drop(socket.connect(&loopback(port)));
        Ok(socket)
    };
    let reserve = || -> Result<(Socket, u16)> {
        let socket = tcp()?;
        socket.bind(&loopback(0))?;
        let port = port_of(&socket)?;
        Ok((socket, port))
    };
    let (few, many) = (reserve()?, reserve()?);
    let _few: Vec<Socket> = (0..4).map(|_| deaf(few.1)).collect::<Result<_>>()?;
    let stuck: Vec<Socket> = (0..5).map(|_| deaf(many.1)).collect::<Result<_>>()?;
    is_clear("syn-sent-stuck", "")?;
    let alert = fires_once("syn-sent-stuck", "")?;
    ensure!(alert["count"] == 5 && port(&alert) == Some(many.1.into()), "{alert:#}");
    ensure!(evidence(&alert, "retransmits")? >= 2, "{alert:#}");
    drop(stuck);
    clears("syn-sent-stuck", "")
}

fn self_connect() -> Result<()> {
    let _busy = states::established(Family::V4)?;
    is_clear("self-connect", "")?;
    let held = states::self_connect(Family::V4)?;
    let alert = fires_once("self-connect", "")?;
    is_about_us(&alert)?;
    ensure!(evidence(&alert, "port")? == u64::from(held.local.port()), "{alert:#}");
    drop(held);
    clears("self-connect", "")
}

fn time_wait_buckets() -> Result<()> {
    let rule = "time-wait-flood";
    sysctl("ipv4/tcp_max_tw_buckets", "10")?;
    for _ in 0..5 {
        states::time_wait(Family::V4, By::Close)?;
    }
    is_clear(rule, "")?;
    for _ in 0..3 {
        states::time_wait(Family::V4, By::Close)?;
    }
    let alert = fires_once(rule, "")?;
    ensure!(alert["severity"] == "warning", "{alert:#}");
    ensure!(evidence(&alert, "limit")? == 10 && alert["count"] == 8, "{alert:#}");
    sysctl("ipv4/tcp_max_tw_buckets", "1000")?;
    is_clear(rule, "")
}

fn time_wait_rate() -> Result<()> {
    let toml = "[time-wait-flood]\nrate = 3\n";
    let (server, at) = listener(64)?;
    let closes = |first_is_server: bool, count: usize| -> Result<()> {
        for _ in 0..count {
            let (theirs, ours) = pair(&server, at)?;
            let (first, second) = if first_is_server { (theirs, ours) } else { (ours, theirs) };
            drop(first);
            drop(second);
        }
        Ok(())
    };
    closes(true, 15)?;
    is_clear("time-wait-flood", toml)?;
    // Enough each time: what ended before the last ten seconds does not count.
    let alert = poll("the server's are too many", || {
        closes(true, 30)?;
        Ok(alerts_of(&check("time-wait-flood", toml, &[])?)?.pop())
    })?;
    ensure!(port(&alert) == Some(at.into()) && alert["count"].as_u64() >= Some(30), "{alert:#}");
    ensure!(alert["subject"]["listener"].is_object(), "{alert:#}");
    poll("the clients' are too many", || {
        closes(false, 30)?;
        let alerts = alerts_of(&check("time-wait-flood", toml, &[])?)?;
        let is_theirs = |a: &serde_json::Value| a["subject"]["destination"]["port"] == at;
        Ok(alerts.iter().any(is_theirs).then_some(()))
    })?;
    // They stay for a minute, but none is new.
    clears("time-wait-flood", toml)
}

/// More end than the kernel keeps: the others are refused, and counted.
fn time_wait_refused() -> Result<()> {
    let rule = "time-wait-flood";
    sysctl("ipv4/tcp_max_tw_buckets", "3")?;
    for _ in 0..3 {
        states::time_wait(Family::V4, By::Close)?;
    }
    let (server, at) = listener(8)?;
    // These have no record: that is the point.
    for _ in 0..2 {
        drop(pair(&server, at)?);
    }
    let alert = fires_once(rule, "")?;
    ensure!(alert["severity"] == "critical" && alert["count"] == 3, "{alert:#}");
    let (run, _dir) = start(rule, "", &["--for", "2s", "--interval", "100ms"])?;
    let mut running = run.start()?;
    running.meanwhile(|| pair(&server, at).map(drop))?;
    let output = running.finish()?;
    let alerts = alerts_of(&output)?;
    ensure!(alerts.len() == 1 && evidence(&alerts[0], "refused")? > 0, "{output}");
    sysctl("ipv4/tcp_max_tw_buckets", "1000")?;
    is_clear(rule, "")
}

const EXHAUSTED: &str = "port-exhaustion";

/// 60 ephemeral ports, and listeners outside them.
fn sixty_ports(servers: std::ops::Range<u16>) -> Result<Vec<Socket>> {
    sysctl("ipv4/ip_local_port_range", "40000 40059")?;
    servers.map(|port| listening([127, 0, 0, 1], port)).collect()
}

fn listening(address: [u8; 4], port: u16) -> Result<Socket> {
    let server = tcp()?;
    server.bind(&std::net::SocketAddr::from((address, port)).into())?;
    server.listen(100)?;
    Ok(server)
}

/// A client bound to a port, or with 0 to one that `bind()` picks.
fn bound_client(port: u16, to: u16) -> Result<Socket> {
    let socket = tcp()?;
    socket.bind(&loopback(port))?;
    socket.connect(&loopback(to))?;
    Ok(socket)
}

/// The remedy of an alert names this.
fn advises(alert: &serde_json::Value, what: &str) -> bool {
    alert["remedy"].as_str().is_some_and(|remedy| remedy.contains(what))
}

/// The alerts about all destinations, and those about one.
fn by_subject(alerts: Vec<serde_json::Value>) -> (Vec<serde_json::Value>, Vec<serde_json::Value>) {
    alerts.into_iter().partition(|alert| port(alert).is_none_or(|port| port == 0))
}

fn ports_reusable() -> Result<()> {
    let servers = sixty_ports(20_000..20_001)?;
    sysctl("ipv4/tcp_tw_reuse", "0")?;
    for _ in 0..60 {
        let (theirs, ours) = pair(&servers[0], 20_000)?;
        drop(ours);
        drop(theirs);
    }
    let alert = fires_once(EXHAUSTED, "")?;
    ensure!(alert["severity"] == "critical" && evidence(&alert, "time_wait")? == 60, "{alert:#}");
    ensure!(advises(&alert, "tcp_tw_reuse to 1"), "{alert:#}");
    ensure!(client(20_000).is_err(), "there was a port left");
    // On loopback, after a second, a new connection may take over the port.
    sysctl("ipv4/tcp_tw_reuse", "2")?;
    clears(EXHAUSTED, "")?;
    let clients = (0..60).map(|_| client(20_000)).collect::<Result<Vec<_>>>()?;
    let alert = fires_once(EXHAUSTED, "")?;
    ensure!(evidence(&alert, "used")? == clients.len() as u64, "{alert:#}");
    Ok(())
}

fn ports_reserved() -> Result<()> {
    let _servers = sixty_ports(20_000..20_001)?;
    sysctl("ipv4/ip_local_reserved_ports", "40000-40009")?;
    let reserved = (40_000..40_010).map(|port| listening([127, 0, 0, 1], port));
    let _listeners = reserved.collect::<Result<Vec<_>>>()?;
    let mut clients = (0..32).map(|_| client(20_000)).collect::<Result<Vec<_>>>()?;
    // 32 of 50: the listeners take nothing that connect() could have had.
    is_clear(EXHAUSTED, "")?;
    clients.extend((0..18).map(|_| client(20_000)).collect::<Result<Vec<_>>>()?);
    ensure!(client(20_000).is_err(), "there was a port left");
    let alert = fires_once(EXHAUSTED, "")?;
    ensure!(evidence(&alert, "used")? == 50 && evidence(&alert, "capacity")? == 50, "{alert:#}");
    ensure!(evidence(&alert, "blocked")? == 0, "{alert:#}");
    Ok(())
}

fn ports_by_listeners() -> Result<()> {
    let _servers = sixty_ports(20_000..20_001)?;
    let elsewhere = (40_000..40_050).map(|port| listening([127, 0, 0, 2], port));
    let mut elsewhere = elsewhere.collect::<Result<Vec<_>>>()?;
    let alert = fires_once(EXHAUSTED, "")?;
    ensure!(alert["severity"] == "warning" && alert["count"] == 50, "{alert:#}");
    ensure!(alert["subject"].get("namespace").is_some(), "{alert:#}");
    ensure!(advises(&alert, "ip_local_reserved_ports"), "{alert:#}");
    ensure!(!advises(&alert, "IP_BIND_ADDRESS_NO_PORT"), "{alert:#}");
    let _clients = (0..10).map(|_| client(20_000)).collect::<Result<Vec<_>>>()?;
    ensure!(client(20_000).is_err(), "a listener of another address leaves its port");
    let (all, one) = by_subject(fires(EXHAUSTED, "")?);
    ensure!(all.len() == 1 && one.len() == 1, "{all:#?} {one:#?}");
    ensure!(one[0]["severity"] == "critical" && one[0]["count"] == 10, "{one:#?}");
    ensure!(evidence(&one[0], "capacity")? == 10, "{one:#?}");
    ensure!(advises(&one[0], "move listeners out"), "{one:#?}");
    elsewhere.truncate(10);
    clears(EXHAUSTED, "")
}

fn ports_by_numbers() -> Result<()> {
    let _servers = sixty_ports(20_000..20_003)?;
    let numbers = |ports: std::ops::Range<u16>| -> Result<Vec<Socket>> {
        ports.map(|port| bound_client(port, 20_000 + port % 2)).collect()
    };
    let mut bound = numbers(40_000..40_040)?;
    is_clear(EXHAUSTED, "")?;
    bound.extend(numbers(40_040..40_050)?);
    let alert = fires_once(EXHAUSTED, "")?;
    ensure!(alert["severity"] == "warning" && evidence(&alert, "blocked")? == 50, "{alert:#}");
    let clients = (0..10).map(|_| client(20_002)).collect::<Result<Vec<_>>>()?;
    ensure!(client(20_002).is_err(), "there was a port left");
    let (all, one) = by_subject(fires(EXHAUSTED, "")?);
    ensure!(all.len() == 1 && one.len() == 1, "{all:#?} {one:#?}");
    ensure!(one[0]["severity"] == "critical" && port(&one[0]) == Some(20_002), "{one:#?}");
    // /proc does not tell who was bound to what; their parity gives them away.
    let blind = check(EXHAUSTED, "", &["--source", "proc"])?;
    ensure!(blind.stdout.contains("connections bound to a port by its number"), "{blind}");
    let (all, one) = by_subject(alerts_of(&blind)?);
    ensure!(one.is_empty() && all.len() == 1, "{blind}");
    ensure!(evidence(&all[0], "likely_bound")? > 0, "{blind}");
    drop(clients);
    drop(bound);
    Ok(())
}

fn ports_by_bind_before_connect() -> Result<()> {
    let _servers = sixty_ports(20_000..20_006)?;
    let bound = |count: u16| -> Result<Vec<Socket>> {
        (0..count).map(|n| bound_client(0, 20_000 + n % 5)).collect()
    };
    let mut all = bound(40)?;
    is_clear(EXHAUSTED, "")?;
    all.extend(bound(20)?);
    ensure!(client(20_005).is_err(), "there was a port left");
    let alert = fires_once(EXHAUSTED, "")?;
    ensure!(alert["severity"] == "warning" && port(&alert) == Some(0), "{alert:#}");
    ensure!(evidence(&alert, "used")? == 60, "{alert:#}");
    ensure!(evidence(&alert, "likely_bound")? == 30, "{alert:#}");
    ensure!(advises(&alert, "IP_BIND_ADDRESS_NO_PORT"), "{alert:#}");
    Ok(())
}

fn ports_by_connect() -> Result<()> {
    let (rule, clients) = ("port-exhaustion", |port, count: usize| -> Result<Vec<Socket>> {
        // Closed by a reset, they leave no port behind.
        let one = || -> Result<Socket> {
            let socket = client(port)?;
            socket.set_linger(Some(std::time::Duration::ZERO))?;
            Ok(socket)
        };
        (0..count).map(|_| one()).collect()
    });
    sysctl("ipv4/ip_local_port_range", "40000 40059")?;
    let server = tcp()?;
    server.bind(&loopback(20_000))?;
    server.listen(100)?;
    let mut used = clients(20_000, 40)?;
    is_clear(rule, "")?;
    used.extend(clients(20_000, 10)?);
    let alert = fires_once(rule, "")?;
    ensure!(alert["severity"] == "warning" && alert["count"] == 50, "{alert:#}");
    ensure!(evidence(&alert, "capacity")? == 60 && port(&alert) == Some(20_000), "{alert:#}");
    used.extend(clients(20_000, 10)?);
    ensure!(fires_once(rule, "")?["severity"] == "critical", "not critical");
    ensure!(client(20_000).is_err(), "there was a port left");
    used.truncate(20);
    clears(rule, "")
}

fn ports_by_bind() -> Result<()> {
    sysctl("ipv4/ip_local_port_range", "40000 40059")?;
    let bound = || -> Result<Socket> {
        let socket = tcp()?;
        socket.bind(&loopback(0))?;
        Ok(socket)
    };
    let mut all: Vec<Socket> = (0..40).map(|_| bound()).collect::<Result<_>>()?;
    is_clear("port-exhaustion", "")?;
    all.extend((0..20).map(|_| bound()).collect::<Result<Vec<_>>>()?);
    let alert = fires_once("port-exhaustion", "")?;
    ensure!(evidence(&alert, "blocked")? == 60, "{alert:#}");
    let remedy = alert["remedy"].as_str().unwrap_or_default();
    ensure!(remedy.contains("IP_BIND_ADDRESS_NO_PORT"), "{alert:#}");
    all.clear();
    clears("port-exhaustion", "")
}
