//! Every alert rule against real sockets on this machine's kernel: what makes it fire, a near
//! miss, and recovery.
//!
//! The trials run `check` with lowered thresholds, with sockets of our own making where the kit
//! has no recipe.

mod command;
mod host;
mod listeners;
mod queues;
mod states;

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde_json::Value;
use socket2::{Domain, SockAddr, SockFilter, Socket, Type};

use crate::kit::run::{Output, Run};
use crate::kit::tempdir::TempDir;
use crate::kit::{Check, PATIENCE, Result, Trial, poll, trial};

/// All trials.
pub fn trials() -> Vec<Trial> {
    [command::CHECKS, host::CHECKS, listeners::CHECKS, queues::CHECKS, states::CHECKS]
        .concat()
        .into_iter()
        .map(|(name, check)| trial(name, check))
        .collect()
}

/// Runs `check --json` for one rule with a rules file of this text.
pub fn check(rule: &str, toml: &str, more: &[&str]) -> Result<Output> {
    start(rule, toml, more)?.0.run()
}

/// The same, not started yet; the directory of the file must outlive it.
pub fn start(rule: &str, toml: &str, more: &[&str]) -> Result<(Run, TempDir)> {
    let dir = TempDir::new()?;
    let file = dir.path().join("rules.toml");
    fs::write(&file, toml)?;
    let file = file.to_str().context("a path")?.to_owned();
    let mut args = vec!["check", "--json", "--rules", &file, "--rule", rule];
    args.extend(more);
    Ok((Run::new(args), dir))
}

/// The alerts of a check, which fit its exit status.
pub fn alerts_of(output: &Output) -> Result<Vec<Value>> {
    let json = output.json()?;
    let alerts = json["alerts"].as_array().context("no alerts")?.clone();
    let worst = alerts.first().and_then(|alert| alert["severity"].as_str());
    let expected = match worst {
        Some("critical") => 2,
        Some(_) => 1,
        None if json["unknown"].as_array().is_some_and(|unknown| !unknown.is_empty()) => 3,
        None => 0,
    };
    ensure!(output.code() == Some(expected), "{output}");
    Ok(alerts)
}

/// Waits until the rule fires, and gives its alerts.
pub fn fires(rule: &str, toml: &str) -> Result<Vec<Value>> {
    poll(&format!("{rule} fires"), || {
        let alerts = alerts_of(&check(rule, toml, &[])?)?;
        ensure!(alerts.iter().all(|alert| alert["rule"] == rule), "{alerts:?}");
        Ok((!alerts.is_empty()).then_some(alerts))
    })
}

/// Waits until the rule fires with exactly one alert, and gives that.
pub fn fires_once(rule: &str, toml: &str) -> Result<Value> {
    let mut alerts = fires(rule, toml)?;
    ensure!(alerts.len() == 1, "{alerts:#?}");
    alerts.pop().context("one alert")
}

/// The rule is clear now: not firing, and not unknown.
pub fn is_clear(rule: &str, toml: &str) -> Result<()> {
    let output = check(rule, toml, &[])?;
    ensure!(output.code() == Some(0), "{rule} is not clear\n{output}");
    ensure!(alerts_of(&output)?.is_empty(), "{output}");
    Ok(())
}

/// The rule becomes clear.
pub fn clears(rule: &str, toml: &str) -> Result<()> {
    poll(&format!("{rule} is clear"), || {
        Ok((check(rule, toml, &[])?.code() == Some(0)).then_some(()))
    })
}

/// Whether an alert is about the process of this test.
pub fn is_about_us(alert: &Value) -> Result<()> {
    let pid = alert["subject"]["process"]["pid"].as_u64();
    ensure!(pid == Some(std::process::id().into()), "{alert:#}");
    Ok(())
}

/// A number of an alert's evidence.
pub fn evidence(alert: &Value, name: &str) -> Result<u64> {
    alert["evidence"][name].as_u64().with_context(|| format!("no {name} in {alert:#}"))
}

/// The port of an alert's listener or destination.
pub fn port(alert: &Value) -> Option<u64> {
    let subject = &alert["subject"];
    let local = subject["listener"]["local"]["port"].as_u64();
    local
        .or_else(|| subject["socket"]["local"]["port"].as_u64())
        .or_else(|| subject["destination"]["port"].as_u64())
        .or_else(|| subject["ports"]["destination"]["port"].as_u64())
}

// ---------------------------------------------------------------------------------- sockets

/// An IPv4 TCP socket.
pub fn tcp() -> Result<Socket> {
    Ok(Socket::new(Domain::IPV4, Type::STREAM, None)?)
}

/// `127.0.0.1` with a port.
pub fn loopback(port: u16) -> SockAddr {
    SocketAddr::from(([127, 0, 0, 1], port)).into()
}

/// A socket's own port.
pub fn port_of(socket: &Socket) -> Result<u16> {
    Ok(socket.local_addr()?.as_socket().context("no internet address")?.port())
}

/// A listener on a port that the kernel picks.
pub fn listener(backlog: i32) -> Result<(Socket, u16)> {
    let socket = tcp()?;
    socket.bind(&loopback(0))?;
    socket.listen(backlog)?;
    let port = port_of(&socket)?;
    Ok((socket, port))
}

/// A client that is connected.
pub fn client(port: u16) -> Result<Socket> {
    let socket = tcp()?;
    socket.connect_timeout(&loopback(port), PATIENCE)?;
    Ok(socket)
}

/// A client that has begun to connect.
pub fn knock(port: u16) -> Result<Socket> {
    let socket = tcp()?;
    socket.set_nonblocking(true)?;
    match socket.connect(&loopback(port)) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error.into()),
        _ => Ok(socket),
    }
}

/// A connection: the server's end and the client's.
pub fn pair(listener: &Socket, port: u16) -> Result<(Socket, Socket)> {
    let client = client(port)?;
    let (server, _) = listener.accept()?;
    Ok((server, client))
}

/// Everything that is sent to the socket gets lost.
pub fn hear_nothing(socket: &Socket) -> Result<()> {
    Ok(socket.attach_filter(&[instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0)])?)
}

/// Everything but SYNs that is sent to the listener gets lost.
pub fn hear_only_syns(socket: &Socket) -> Result<()> {
    const FLAGS_OFFSET: u32 = 13;
    const SYN: u32 = 2;
    Ok(socket.attach_filter(&[
        instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, FLAGS_OFFSET),
        instruction(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, SYN),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ])?)
}

fn instruction(code: u32, if_true: u8, if_false: u8, operand: u32) -> SockFilter {
    SockFilter::new(code as u16, if_true, if_false, operand)
}

/// Writes until nothing more fits.
pub fn fill(socket: &Socket) -> Result<u64> {
    socket.set_nonblocking(true)?;
    let mut written = 0;
    loop {
        match socket.send(&[b'x'; 65_536]) {
            Ok(count) => written += count as u64,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(written),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads until nothing is there.
pub fn drain(socket: &Socket) -> Result<()> {
    socket.set_nonblocking(true)?;
    let mut buffer = [std::mem::MaybeUninit::uninit(); 65_536];
    while socket.recv(&mut buffer).is_ok_and(|count| count > 0) {}
    Ok(())
}
