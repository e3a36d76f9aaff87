//! Events pass the same selection as rows: tables, families, types and states, wherever they are told.

use std::thread;
use std::time::Duration;

use anyhow::ensure;
use rustix::process::Signal;
use serde_json::Value;

use super::watch::until_told;
use crate::kit::run::{Run, Running};
use crate::kit::states::{self, Conn, Family, address_of};
use crate::kit::{Check, Result, Trial, netns, poll, trial, udp};
use crate::trace::traffic::Server;

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 5] = [
        ("a_family", a_family),
        ("a_table", a_table),
        ("listeners", listeners),
        ("in_a_summary", in_a_summary),
        ("in_the_live_terminal", in_the_live_terminal),
    ];
    let of_check = |(name, check)| trial(format!("selection::{name}"), check);
    checks.map(of_check).into()
}

/// Every command that tells of transitions; the kernel's own events where that is allowed.
const COMMANDS: [&[&str]; 3] = [
    &["events", "--json", "--interval", "50ms"],
    &["events", "--json", "--interval", "50ms", "--source", "destroy"],
    &["watch", "--json", "--transitions", "--interval", "50ms", "--max-cpu", "100"],
];

/// Runs each command with a flag until it has told of what `happen` makes, among what is not asked
/// for; whatever it tells must be right.
fn each_tells(
    flag: &[&str],
    happen: fn(&mut Kept) -> Result<u16>,
    is_right: impl Fn(&Value) -> bool,
) -> Result<()> {
    for command in COMMANDS {
        let mut running = Run::new(command.iter().chain(flag)).start()?;
        let mut kept = Kept::default();
        // The sockets of one round end in the next.
        until_told(&mut running, || happen(&mut kept))?;
        until_told(&mut running, || happen(&mut kept))?;
        let lines = told(running)?;
        let wrong = lines.iter().find(|line| !is_right(line));
        ensure!(wrong.is_none(), "{command:?} {flag:?}: {wrong:?}");
    }
    Ok(())
}

fn told(running: Running) -> Result<Vec<Value>> {
    running.signal(Signal::INT)?;
    let lines = running.finish()?.ended(130)?.json_lines()?;
    Ok(lines.into_iter().filter(|line| line["type"] == "transition").collect())
}

/// Sockets that live until others of their kind take their place.
type Kept = Vec<Box<dyn std::any::Any>>;

fn a_family() -> Result<()> {
    if !netns::has_ipv6() {
        return Ok(());
    }
    let happen = |kept: &mut Kept| {
        let (wanted, other) = (Conn::accepted(Family::V6)?, Conn::accepted(Family::V4)?);
        let port = wanted.local().port();
        *kept = vec![Box::new(wanted), Box::new(other)];
        Ok(port)
    };
    each_tells(&["-6"], happen, |line| line["family"] == "inet6")?;
    each_tells(&["-6", "-t"], happen, |line| line["family"] == "inet6" && line["proto"] == "tcp")
}

fn a_table() -> Result<()> {
    let happen = |kept: &mut Kept| {
        let (wanted, other) = (udp::unconnected(Family::V4, 0)?, Conn::accepted(Family::V4)?);
        let port = wanted.local.port();
        *kept = vec![Box::new(wanted), Box::new(other)];
        Ok(port)
    };
    each_tells(&["-u"], happen, |line| line["proto"] == "udp")
}

/// `-l`: LISTEN stands at one of the two ends.
fn listeners() -> Result<()> {
    let happen = |kept: &mut Kept| {
        let (wanted, other) = (states::listening(Family::V4, 1)?, Conn::accepted(Family::V4)?);
        let port = address_of(&wanted)?.port();
        *kept = vec![Box::new(wanted), Box::new(other)];
        Ok(port)
    };
    let is_listener = |line: &Value| line["from"] == "LISTEN" || line["to"] == "LISTEN";
    each_tells(&["-t", "-l"], happen, is_listener)
}

/// Two summaries of the same connections, of which one is of another family.
fn in_a_summary() -> Result<()> {
    let server = Server::v4()?;
    let filter = format!("sport = :{0} or dport = :{0}", server.port());
    let start = |family| -> Result<Running> {
        let args = ["events", "--json", "--summary", "--interval", "50ms", family, &filter];
        let mut running = Run::new(args).start()?;
        running.remark()?;
        Ok(running)
    };
    let both = [start("-4")?, start("-6")?];
    for _ in 0..50 {
        server.life()?;
        thread::sleep(Duration::from_millis(20));
    }
    let mut counts = Vec::new();
    for running in both {
        running.signal(Signal::INT)?;
        let summary = running.finish()?.ended(130)?.json()?;
        counts.push(summary["transitions"].as_array().map_or(0, Vec::len));
    }
    ensure!(counts[0] > 0 && counts[1] == 0, "{counts:?}");
    Ok(())
}

/// The log of events, and the map's edges.
fn in_the_live_terminal() -> Result<()> {
    let args = ["watch", "-u", "--interval", "100ms", "--max-cpu", "100", "--ascii"];
    let mut session = Run::new(args).start_session(120, 40)?;
    session.wait_for("1 Overview")?;
    session.keys("5")?;
    let (mut kept, mut ports) = (Kept::default(), Vec::new());
    poll("events of UDP", || {
        let (wanted, other) = (udp::unconnected(Family::V4, 0)?, Conn::accepted(Family::V4)?);
        ports.push(format!(":{}", wanted.local.port()));
        kept = vec![Box::new(wanted), Box::new(other)];
        thread::sleep(Duration::from_millis(200));
        let text = session.text();
        Ok((ports.iter().filter(|port| text.contains(*port)).count() > 2).then_some(()))
    })?;
    drop(kept);
    let text = session.text();
    ensure!(!text.contains("LISTEN") && !text.contains("SYN_"), "{text}");
    session.keys("7")?;
    session.wait_for("TCP was not read")?;
    session.keys("q")?;
    let (status, screen) = session.finish()?;
    ensure!(status.success(), "{status:?}\n{screen}");
    Ok(())
}
