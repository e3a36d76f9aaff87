//! Real documents, parsed by the second copy of their shapes.

use std::collections::BTreeSet;
use std::time::SystemTime;

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use libtest_mimic::Trial;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::kit::netns::Entered;
use crate::kit::run::{Output, Run};
use crate::kit::{Result, trial};
use crate::population::{COMMANDS, population};
use crate::shapes::{Count, Gap, Listeners, Proto, Socket, Sockets, Standing, State, Status};

pub fn trials(entered: &Entered) -> Vec<Trial> {
    vec![
        trial("documents::mixed_population", entered, mixed_population),
        trial("documents::empty_namespace", entered, empty_namespace),
        trial("documents::without_capabilities", entered, without_capabilities),
        trial("documents::without_netlink", entered, without_netlink),
        trial("documents::every_member_appears", entered, every_member_appears),
    ]
}

/// Runs a command for its document.
pub fn run(command: &str, change: impl Fn(Run) -> Run) -> Result<Output> {
    let args = command.split_whitespace().chain(["--json"]);
    let output = change(Run::new(args)).run()?.ok()?;
    ensure!(output.stderr.is_empty(), "JSON says its gaps itself: {output}");
    ensure!(output.stdout.ends_with('\n'), "{output}");
    Ok(output)
}

fn mixed_population() -> Result<()> {
    let _population = population()?;
    for command in COMMANDS {
        check(command, |run| run).with_context(|| (*command).to_owned())?;
    }
    Ok(())
}

fn empty_namespace() -> Result<()> {
    for command in COMMANDS {
        check(command, |run| run).with_context(|| (*command).to_owned())?;
    }
    Ok(())
}

fn without_capabilities() -> Result<()> {
    let _population = population()?;
    for command in COMMANDS {
        check(command, Run::without_capabilities).with_context(|| (*command).to_owned())?;
    }
    Ok(())
}

fn without_netlink() -> Result<()> {
    let _population = population()?;
    for command in COMMANDS {
        check(command, |run| run.without_netlink(libc::EAFNOSUPPORT))
            .with_context(|| (*command).to_owned())?;
    }
    Ok(())
}

/// Runs one command and checks all that holds for its kind of document.
fn check(command: &str, change: impl Fn(Run) -> Run) -> Result<()> {
    let before = Timestamp::try_from(SystemTime::now())?;
    let output = run(command, change)?;
    let after = Timestamp::try_from(SystemTime::now())?;
    let document = output.json()?;
    taken_between(&document, before, after)?;
    match command.split(' ').next() {
        Some("list") => {
            let document: Sockets = parse(&document, "sockstate.sockets/1", true)?;
            document.sockets.iter().try_for_each(is_consistent)?;
            document.gaps.iter().try_for_each(is_explained)
        }
        Some("count") => {
            keys_are_those_asked_for(&document)?;
            let document: Count = parse(&document, "sockstate.count/1", false)?;
            document.gaps.iter().try_for_each(is_explained)
        }
        Some("listeners") => {
            let document: Listeners = parse(&document, "sockstate.listeners/1", true)?;
            document.gaps.iter().try_for_each(is_explained)
        }
        Some("status") => {
            let document: Status = parse(&document, "sockstate.status/1", true)?;
            ensure!(document.tcp.len() >= 11, "all eleven states: {:?}", document.tcp);
            document.gaps.iter().try_for_each(is_explained)
        }
        _ => bail!("what is {command}?"),
    }
}

/// Parses a document by the second copy of its shape.
fn parse<T: DeserializeOwned>(document: &Value, schema: &str, no_nulls: bool) -> Result<T> {
    ensure!(document["schema"] == schema, "{}", document["schema"]);
    ensure!(!no_nulls || !has_null(document), "what is not known is absent: {document}");
    T::deserialize(document).with_context(|| document.to_string())
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

/// RFC 3339 in UTC with nanoseconds, and the time is right.
fn taken_between(document: &Value, before: Timestamp, after: Timestamp) -> Result<()> {
    let text = document["taken_at"].as_str().context("taken_at")?;
    ensure!(text.len() == "2026-11-20T08:00:00.123456789Z".len(), "{text}");
    ensure!(text.ends_with('Z') && text.as_bytes()[19] == b'.', "{text}");
    let taken: Timestamp = text.parse()?;
    ensure!((before..=after).contains(&taken), "{before} {taken} {after}");
    Ok(())
}

/// Each group has the keys asked for, and a word in place of a process that is not there.
fn keys_are_those_asked_for(document: &Value) -> Result<()> {
    let by: BTreeSet<&str> =
        document["by"].as_array().context("by")?.iter().filter_map(Value::as_str).collect();
    for group in document["groups"].as_array().context("groups")? {
        let key = group["key"].as_object().context("key")?;
        let mut members: BTreeSet<&str> = key.keys().map(String::as_str).collect();
        let standing = members.remove("standing");
        ensure!(members == by, "{group}");
        let no_process = by.contains("process") && key["process"].is_null();
        ensure!(standing == no_process, "{group}");
    }
    Ok(())
}

/// Members that exclude or demand each other.
fn is_consistent(socket: &Socket) -> Result<()> {
    let is_unix = socket.proto == Proto::Unix;
    ensure!(socket.local.is_none() == is_unix && socket.remote.is_none() == is_unix, "{socket:?}");
    ensure!(socket.kind.is_some() == is_unix, "{socket:?}");
    ensure!(is_unix || (socket.path.is_none() && socket.peer_inode.is_none()), "{socket:?}");
    let listens = socket.state == State::Listen;
    ensure!(socket.accept_queue.is_some() == listens, "{socket:?}");
    ensure!(!listens || (socket.recv_q.is_none() && socket.send_q.is_none()), "{socket:?}");
    ensure!(socket.end_of_file.is_some() == (socket.state == State::CloseWait), "{socket:?}");
    ensure!(socket.v4_mapped != Some(false), "false is absent: {socket:?}");
    ensure!((socket.inode != 0) == (socket.standing == Standing::Descriptor), "{socket:?}");
    ensure!(socket.standing != Standing::Hidden, "{socket:?}");
    if let Some(cookie) = &socket.cookie {
        let digits = cookie.strip_prefix("0x").context("a cookie is hexadecimal")?;
        ensure!(u64::from_str_radix(digits, 16)? != 0, "{socket:?}");
    }
    if let Some(age) = &socket.age_ms {
        ensure!(age.max.is_none_or(|max| age.min <= max), "{socket:?}");
    }
    Ok(())
}

/// A gap says why, in words.
fn is_explained(gap: &Gap) -> Result<()> {
    ensure!(gap.reason.contains(' ') && !gap.what.is_empty(), "{gap:?}");
    ensure!(gap.count != Some(0), "nothing is missing: {gap:?}");
    ensure!(gap.remedy.as_ref().is_none_or(|remedy| remedy.contains(' ')), "{gap:?}");
    Ok(())
}

/// The population is mixed enough: what may be absent is not always absent. (Otherwise the copy
/// of the shapes would prove little.)
fn every_member_appears() -> Result<()> {
    let _population = population()?;
    let output = run("list -tuwxa -p -i -m", |run| run)?.json()?;
    let mut members: BTreeSet<String> = BTreeSet::new();
    for socket in output["sockets"].as_array().context("sockets")? {
        members.extend(socket.as_object().context("socket")?.keys().cloned());
    }
    let known = [
        "accept_queue",
        "age_ms",
        "congestion",
        "cookie",
        "end_of_file",
        "family",
        "ifindex",
        "inode",
        "local",
        "memory",
        "path",
        "peer_inode",
        "processes",
        "proto",
        "recv_q",
        "remote",
        "send_q",
        "standing",
        "state",
        "tcp_info",
        "timer",
        "type",
        "uid",
        "v4_mapped",
    ];
    ensure!(members.iter().eq(known), "{members:?}");
    let info = output["sockets"].as_array().and_then(|sockets| {
        sockets.iter().find(|socket| socket["state"] == "ESTABLISHED")?.get("tcp_info")
    });
    let info = info.and_then(Value::as_object).context("no tcp_info")?;
    // With their units in their names.
    for name in ["rtt_us", "rto_ms", "snd_cwnd_segs", "bytes_received", "last_ack_recv_ms"] {
        ensure!(info.get(name).is_some_and(Value::is_number), "{name}: {info:?}");
    }
    Ok(())
}
