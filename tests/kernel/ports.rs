//! `sockstate ports` against this machine's kernel: a range of 60 ports, used up in several ways,
//! and the kernel's own word for it: `EADDRNOTAVAIL`. And the counts that `explain` fills in.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, ensure};
use serde_json::Value;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::kit::run::Run;
use crate::kit::{Check, Impossible, Result, Trial, poll, trial};

const CHECKS: &[Check] = &[
    ("used_up_by_connect", used_up_by_connect),
    ("used_up_by_bind", used_up_by_bind),
    ("bound_to_a_number", bound_to_a_number),
    ("reserved", reserved),
    ("bind_address_no_port", bind_address_no_port),
    ("time_wait", time_wait),
    ("listeners_and_bound_sockets", listeners_and_bound_sockets),
    ("two_looks", two_looks),
    ("both_families_of_one_destination", both_families_of_one_destination),
    ("explain_counts_are_those_of_the_namespace", explain_counts),
];

/// All trials.
pub fn trials() -> Vec<Trial> {
    CHECKS.iter().map(|(name, body)| trial(*name, body)).collect()
}

const FIRST: u16 = 40_000;
const PORTS: usize = 60;

/// Sets a parameter of this namespace.
fn set(name: &str, value: &str) -> Result<()> {
    crate::kit::netns::sysctl(name, value)
        .map_err(|error| Impossible(format!("cannot set {name}: {error}")).into())
}

fn small_range() -> Result<()> {
    set("ipv4/ip_local_port_range", &format!("{FIRST} {}", usize::from(FIRST) + PORTS - 1))
}

/// A listener outside the range; its clients may wait in its queue.
fn server(port: u16) -> Result<TcpListener> {
    Ok(TcpListener::bind(at(port))?)
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn stream() -> Result<Socket> {
    Ok(Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?)
}

/// The errno that `connect()` to a port fails with; `None` when it does not.
fn connect(clients: &mut Vec<Socket>, socket: Socket, port: u16) -> Option<i32> {
    let failed = socket.connect(&SockAddr::from(at(port))).err();
    clients.push(socket);
    failed.and_then(|error| error.raw_os_error())
}

/// Connects until the kernel has no port any more; returns how often it had.
fn exhaust(clients: &mut Vec<Socket>, port: u16) -> Result<usize> {
    for count in 0..=PORTS {
        match connect(clients, stream()?, port) {
            None => {}
            Some(libc::EADDRNOTAVAIL) => return Ok(count),
            Some(other) => anyhow::bail!("connect: errno {other}"),
        }
    }
    anyhow::bail!("more ports than the range has")
}

/// Closes clients by a reset, which leaves no port behind.
fn reset(mut clients: impl Iterator<Item = Socket>) -> Result<()> {
    clients.try_for_each(|client| Ok(client.set_linger(Some(std::time::Duration::ZERO))?))
}

/// A client bound to the address, the port left to the kernel.
fn bound(port: u16) -> Result<std::io::Result<Socket>> {
    let socket = stream()?;
    Ok(socket.bind(&SockAddr::from(at(port))).map(|()| socket))
}

fn ports(args: &[&str]) -> Result<Value> {
    let output = Run::new([&["ports", "--json"], args].concat()).run()?.ok()?;
    let found = output.json()?;
    ensure!(found["schema"] == "sockstate.ports/1", "{output}");
    fits_the_schema(&found)?;
    Ok(found)
}

fn fits_the_schema(document: &Value) -> Result<()> {
    let schema: Value = serde_json::from_str(include_str!("../../docs/schema.json"))?;
    let validator = jsonschema::validator_for(&schema)?;
    ensure!(validator.is_valid(document), "no document of docs/schema.json: {document}");
    Ok(())
}

/// The budget towards a port: (used, capacity).
fn budget(found: &Value, port: u16) -> Result<(u64, u64)> {
    let all = found["budgets"].as_array().context("budgets")?;
    let one = all.iter().find(|budget| budget["destination"]["port"] == port);
    let one = one.with_context(|| format!("no budget for {port}: {found}"))?;
    ensure!(one["source"] == "127.0.0.1" && one["destination"]["addr"] == "127.0.0.1", "{one}");
    Ok((one["used"].as_u64().context("used")?, one["capacity"].as_u64().context("capacity")?))
}

fn used_up_by_connect() -> Result<()> {
    small_range()?;
    let _servers = (server(7001)?, server(7002)?);
    let mut clients = Vec::new();
    ensure!(exhaust(&mut clients, 7001)? == PORTS);
    ensure!(connect(&mut clients, stream()?, 7002).is_none(), "another destination");
    let found = ports(&[])?;
    ensure!(budget(&found, 7001)? == (60, 60), "{found}");
    ensure!(budget(&found, 7002)? == (1, 60), "{found}");
    ensure!(found["budgets"][0]["used_ratio"] == 1.0, "the fullest first: {found}");
    ensure!(found["range"]["low"] == FIRST && found["reserved"] == 0, "{found}");
    let source = &found["addresses"][0];
    ensure!(source["used"] == 60 && source["shared"] == 1, "{source}");
    ensure!(source["likely_bound"] == 0, "{source}");
    ensure!(ports(&["dport", "7002"])?["budgets"].as_array().is_some_and(|b| b.len() == 1));
    let owned = ports(&["-p"])?;
    let us = &owned["budgets"][0]["processes"][0];
    ensure!(us["pid"] == std::process::id() && us["count"] == 60, "{owned}");
    let text = Run::new(["ports"]).run()?.ok()?;
    ensure!(text.stdout.contains("60/60") && text.stdout.contains("100%"), "{text}");
    ensure!(!text.stdout.contains("bind()"), "{text}");
    Ok(())
}

fn used_up_by_bind() -> Result<()> {
    small_range()?;
    let _servers = (server(7001)?, server(7002)?, server(7003)?);
    let mut clients = Vec::new();
    for count in 0..PORTS {
        let socket = bound(0)??;
        let to = if count % 2 == 0 { 7001 } else { 7002 };
        ensure!(connect(&mut clients, socket, to).is_none());
    }
    let refused = bound(0)?.err().and_then(|error| error.raw_os_error());
    ensure!(refused == Some(libc::EADDRINUSE), "one bind() more: {refused:?}");
    let refused = connect(&mut clients, stream()?, 7003);
    ensure!(refused == Some(libc::EADDRNOTAVAIL), "a connect() to anywhere: {refused:?}");
    let found = ports(&[])?;
    ensure!(budget(&found, 7001)?.0 == 30 && budget(&found, 7002)?.0 == 30, "{found}");
    let source = &found["addresses"][0];
    ensure!(source["used"] == 60 && source["shared"] == 0, "{source}");
    // Those of the parity that connect() begins with cannot be told.
    ensure!(source["likely_bound"] == 30 && source["capacity"] == 60, "{source}");
    let text = Run::new(["ports"]).run()?.ok()?;
    ensure!(text.stdout.contains("such programs have 0 of 60"), "{text}");
    // All towards one destination they are as connect() would have left them.
    reset(clients.drain(..))?;
    for _ in 0..PORTS {
        let socket = poll("a free port", || Ok(bound(0)?.ok()))?;
        ensure!(connect(&mut clients, socket, 7001).is_none());
    }
    ensure!(ports(&[])?["addresses"][0]["likely_bound"] == 0);
    let text = Run::new(["ports"]).run()?.ok()?;
    ensure!(text.stdout.contains("chose its 60 ports cannot be told"), "{text}");
    Ok(())
}

fn bound_to_a_number() -> Result<()> {
    small_range()?;
    let _servers = (server(7001)?, server(7002)?);
    let mut clients = Vec::new();
    ensure!(connect(&mut clients, bound(FIRST + 10)??, 7001).is_none());
    ensure!(exhaust(&mut clients, 7002)? == PORTS - 1, "one port is gone for everyone");
    let found = ports(&[])?;
    ensure!(found["blocked"]["explicit"] == 1, "{found}");
    ensure!(budget(&found, 7001)? == (1, 60) && budget(&found, 7002)? == (59, 59), "{found}");
    let proc = ports(&["--source", "proc"])?;
    ensure!(proc["blocked"].get("explicit").is_none(), "nobody tells: {proc}");
    let gaps = proc["gaps"].as_array().context("gaps")?;
    ensure!(gaps.iter().any(|gap| gap["what"] == "binds"), "{proc}");
    ensure!(budget(&proc, 7002)?.0 == 59, "{proc}");
    // With all of them it is no guess how they were chosen.
    reset(clients.drain(1..))?;
    for port in (0..PORTS as u16).filter(|port| *port != 10) {
        let free = || Ok(bound(FIRST + port)?.ok());
        ensure!(connect(&mut clients, poll("a free port", free)?, 7001).is_none());
    }
    let text = Run::new(["ports"]).run()?.ok()?;
    ensure!(text.stdout.contains("60 by connections bound to a number"), "{text}");
    ensure!(!text.stdout.contains("cannot be told"), "{text}");
    Ok(())
}

fn reserved() -> Result<()> {
    small_range()?;
    set("ipv4/ip_local_reserved_ports", "40000-40004,50000")?;
    let _server = server(7001)?;
    let mut clients = Vec::new();
    ensure!(exhaust(&mut clients, 7001)? == PORTS - 5);
    let found = ports(&[])?;
    ensure!(budget(&found, 7001)? == (55, 55) && found["reserved"] == 5, "{found}");
    Ok(())
}

fn bind_address_no_port() -> Result<()> {
    small_range()?;
    let _servers = (server(7001)?, server(7002)?);
    let mut clients = Vec::new();
    for to in [7001, 7002] {
        for _ in 0..PORTS {
            let socket = stream()?;
            crate::kit::raw::bind_address_no_port(&socket)?;
            socket.bind(&SockAddr::from(at(0)))?;
            ensure!(connect(&mut clients, socket, to).is_none(), "as without bind()");
        }
    }
    let found = ports(&[])?;
    ensure!(budget(&found, 7001)? == (60, 60) && budget(&found, 7002)? == (60, 60), "{found}");
    ensure!(found["addresses"][0]["shared"] == 60, "{found}");
    ensure!(found["addresses"][0]["likely_bound"] == 0, "{found}");
    Ok(())
}

fn time_wait() -> Result<()> {
    small_range()?;
    let server = server(7001)?;
    for _ in 0..10 {
        let client = stream()?;
        client.connect(&SockAddr::from(at(7001)))?;
        let accepted = server.accept()?;
        drop(client);
        drop(accepted);
    }
    set("ipv4/tcp_tw_reuse", "0")?;
    let shown = |found: &Value| found["budgets"][0]["time_wait"] == 10;
    let found = poll("ten in TIME_WAIT", || Ok(Some(ports(&[])?).filter(shown)))?;
    let one = &found["budgets"][0];
    ensure!(one["used"] == 10 && one["reusable"] == 0 && one["growth_from"] == "timers", "{one}");
    ensure!(found["time_wait_reuse"] == "never", "{found}");
    ensure!((one["used_ratio"].as_f64().context("ratio")? - 0.16667).abs() < 1e-6, "{one}");
    // On loopback, after a second, a new connection may take over the port.
    set("ipv4/tcp_tw_reuse", "2")?;
    let reusable = |found: &Value| found["budgets"][0]["reusable"] == 10;
    let found = poll("ten to be reused", || Ok(Some(ports(&[])?).filter(reusable)))?;
    let one = &found["budgets"][0];
    ensure!(one["used_ratio"] == 0.0 && one["used"] == 10, "{one}");
    let mut clients = Vec::new();
    ensure!(exhaust(&mut clients, 7001)? == PORTS, "the kernel agrees");
    Ok(())
}

fn listeners_and_bound_sockets() -> Result<()> {
    small_range()?;
    let _servers = (server(7001)?, server(FIRST + 20)?);
    let held = bound(FIRST + 21)??;
    let mut clients = Vec::new();
    // A connection to the listener in the range: its end here opened nothing.
    ensure!(connect(&mut clients, stream()?, FIRST + 20).is_none());
    ensure!(exhaust(&mut clients, 7001)? == PORTS - 2);
    let found = ports(&[])?;
    ensure!(found["blocked"]["listening"] == 1, "{found}");
    if found["blocked"].get("bound").is_none() {
        return Err(Impossible("this kernel does not list bound sockets (Linux 6.8)".into()).into());
    }
    ensure!(found["blocked"]["bound"] == 1, "{found}");
    ensure!(budget(&found, 7001)? == (58, 58) && budget(&found, FIRST + 20)? == (1, 58), "{found}");
    ensure!(found["budgets"].as_array().is_some_and(|all| all.len() == 2), "{found}");
    drop(held);
    Ok(())
}

fn two_looks() -> Result<()> {
    small_range()?;
    let _server = server(7001)?;
    let mut clients = Vec::new();
    ensure!(connect(&mut clients, stream()?, 7001).is_none());
    let found = ports(&["--interval", "100ms"])?;
    let one = &found["budgets"][0];
    ensure!(one["growth_per_s"] == 0.0 && one["growth_from"] == "two_looks", "{one}");
    ensure!(one.get("exhausted_in_ms").is_none(), "{one}");
    let refused = Run::new(["ports", "--interval", "soon"]).run()?.ended(2)?;
    ensure!(refused.stderr.contains("no time such as 500ms, 2s"), "{refused}");
    Run::new(["ports", "-u"]).run()?.ended(2)?;
    Ok(())
}

/// An IPv6 socket that talks IPv4 takes its port from the same budget.
fn both_families_of_one_destination() -> Result<()> {
    if !crate::kit::netns::has_ipv6() {
        return Err(Impossible("no IPv6 here: lo has no ::1".into()).into());
    }
    small_range()?;
    let _servers = (server(7001)?, TcpListener::bind("[::1]:7002")?);
    let mut clients = Vec::new();
    ensure!(connect(&mut clients, stream()?, 7001).is_none());
    for to in ["[::ffff:127.0.0.1]:7001", "[::1]:7002"] {
        let client = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
        client.set_only_v6(false)?;
        client.connect(&SockAddr::from(to.parse::<SocketAddr>()?))?;
        clients.push(client);
    }
    let found = ports(&[])?;
    ensure!(budget(&found, 7001)? == (2, 60), "{found}");
    let all = found["budgets"].as_array().context("budgets")?;
    ensure!(all.iter().any(|one| one["source"] == "::1" && one["used"] == 1), "{found}");
    let text = Run::new(["ports"]).run()?.ok()?;
    ensure!(text.stdout.contains("[::1]:7002"), "{text}");
    Ok(())
}

fn explain_counts() -> Result<()> {
    let held = [
        crate::kit::states::close_wait(
            crate::kit::states::Family::V4,
            crate::kit::states::Unread::Nothing,
        )?,
        crate::kit::states::close_wait(
            crate::kit::states::Family::V4,
            crate::kit::states::Unread::Eof,
        )?,
    ];
    set("ipv4/tcp_fin_timeout", "33")?;
    let shown = |name: &str| -> Result<String> {
        let output = Run::new(["explain", name]).run()?.ok()?;
        ensure!(output.stderr.is_empty(), "{output}");
        Ok(output.stdout)
    };
    let page = shown("CloseWait")?;
    ensure!(page.contains("  CLOSE_WAIT   2 sockets\n"), "{page}");
    ensure!(shown("fin-wait2")?.contains("now 33 s"));
    let picture = shown("diagram")?;
    let lines: Vec<&str> = picture.lines().collect();
    let name = lines.iter().position(|line| line.contains("| CLOSE_WAIT  |")).context("box")?;
    ensure!(lines[name + 1].ends_with("|      2      |"), "{picture}");
    for name in ["close-wait", "diagram", "tcp_mem", "port-exhaustion"] {
        let output = Run::new(["explain", name, "--json"]).run()?.ok()?;
        fits_the_schema(&output.json()?)?;
    }
    fits_the_schema(&Run::new(["explain", "--json"]).run()?.ok()?.json()?)?;
    // Without any source the numbers are not known, and the page is shown all the same.
    let blind = Run::new(["explain", "close-wait", "--proc-root", "/nonexistent"]);
    let blind = blind.run()?.ok()?;
    ensure!(blind.stdout.contains("CurrEstab    not known here"), "{blind}");
    ensure!(!blind.stderr.is_empty(), "the gap is told: {blind}");
    drop(held);
    Ok(())
}
