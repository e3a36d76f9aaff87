//! Real documents, parsed by the second copy of their shapes.

use std::collections::BTreeSet;
use std::time::SystemTime;

use anyhow::{Context, anyhow, bail, ensure};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::population::{COMMANDS, population};
use super::shapes::{
    Count, Family, Gap, Listeners, Proto, Socket, Sockets, Standing, State, Status,
};
use crate::kit::run::{Output, Run};
use crate::kit::{Result, Trial, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("documents::mixed_population", mixed_population),
        trial("documents::empty_namespace", empty_namespace),
        trial("documents::without_capabilities", without_capabilities),
        trial("documents::without_netlink", without_netlink),
        trial("documents::every_member_appears", every_member_appears),
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
            let states = document.tcp.as_ref().map(|tcp| tcp.len());
            ensure!(states.is_none_or(|states| states >= 11), "all eleven: {:?}", document.tcp);
            document.gaps.iter().try_for_each(is_explained)
        }
        _ => bail!("what is {command}?"),
    }
}

/// Parses a document by the second copy of its shape.
/// The document as one of the shapes, of which nothing is lost.
fn parse<T: DeserializeOwned + Serialize>(
    document: &Value,
    schema: &str,
    no_nulls: bool,
) -> Result<T> {
    ensure!(document["schema"] == schema, "{}", document["schema"]);
    ensure!(!no_nulls || !has_null(document), "what is not known is absent: {document}");
    // The reason behind the document, which is long.
    let parsed = T::deserialize(document).map_err(|error| anyhow!("{document}\n{error}"))?;
    let again = comparable(serde_json::to_value(&parsed)?);
    ensure!(again == comparable(document.clone()), "{document}\nread and written: {again}");
    Ok(parsed)
}

/// The value without the members that are null, every number a floating one.
fn comparable(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, member)| !member.is_null());
            members.map(|(name, member)| (name, comparable(member))).collect()
        }
        Value::Array(elements) => elements.into_iter().map(comparable).collect(),
        Value::Number(number) => number.as_f64().into(),
        other => other,
    }
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
    let is_inet = socket.proto.is_inet();
    ensure!(socket.local.is_some() == is_inet && socket.remote.is_some() == is_inet, "{socket:?}");
    let has_kind = is_unix || socket.proto == Proto::Packet;
    ensure!(socket.kind.is_some() == has_kind, "{socket:?}");
    ensure!(is_unix || (socket.path.is_none() && socket.peer_inode.is_none()), "{socket:?}");
    ensure!(socket.peer_path.is_none() || socket.peer_inode.is_some(), "{socket:?}");
    let says_peers = socket.processes.is_some() && socket.peer_inode.is_some();
    ensure!(socket.peer_processes.is_some() == says_peers, "{socket:?}");
    ensure!(socket.netlink.is_some() == (socket.proto == Proto::Netlink), "{socket:?}");
    ensure!(socket.packet.is_some() == (socket.proto == Proto::Packet), "{socket:?}");
    ensure!(socket.subflows.is_some() == (socket.proto == Proto::Mptcp), "{socket:?}");
    ensure!(socket.mptcp_info.is_none() || socket.tcp_info.is_none(), "{socket:?}");
    ensure!(socket.v6_only.is_none() || socket.family == Family::Inet6, "{socket:?}");
    ensure!(socket.cgroup.is_none() || socket.cgroup_id.is_some(), "{socket:?}");
    ensure!(socket.user.is_none() || socket.uid.is_some(), "{socket:?}");
    let listens = socket.state == State::Listen;
    ensure!(socket.accept_queue.is_some() == listens, "{socket:?}");
    ensure!(!listens || (socket.recv_q.is_none() && socket.send_q.is_none()), "{socket:?}");
    ensure!(socket.end_of_file.is_some() == (socket.state == State::CloseWait), "{socket:?}");
    ensure!(socket.v4_mapped != Some(false), "false is absent: {socket:?}");
    ensure!((socket.inode != 0) == (socket.standing == Standing::Descriptor), "{socket:?}");
    // A request and what is left of a connection have no user of their own.
    let has_no_user = matches!(socket.standing, Standing::Request | Standing::Minisocket);
    ensure!(socket.cookie.is_none() || !has_no_user || socket.uid.is_none(), "{socket:?}");
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

/// All tables and details at once.
const EVERYTHING: &str = "list -tuwxM0a --netlink -p -i -m -e --tos --cgroup";

/// What a row may have.
const KNOWN: [&str; 41] = [
    "accept_queue",
    "age_ms",
    "cgroup",
    "cgroup_id",
    "class_id",
    "congestion",
    "cookie",
    "end_of_file",
    "family",
    "ifindex",
    "inode",
    "local",
    "mark",
    "memory",
    "mptcp_info",
    "netlink",
    "packet",
    "path",
    "peer_inode",
    "peer_path",
    "peer_processes",
    "processes",
    "proto",
    "recv_q",
    "remote",
    "send_q",
    "shutdown",
    "socket_options",
    "standing",
    "state",
    "subflows",
    "tclass",
    "tcp_info",
    "timer",
    "tos",
    "type",
    "uid",
    "ulp",
    "user",
    "v4_mapped",
    "v6_only",
];

/// The population is mixed enough: what may be absent is not always absent. (Otherwise the copy
/// of the shapes would prove little.)
fn every_member_appears() -> Result<()> {
    let _population = population()?;
    let output = run(EVERYTHING, |run| run)?.json()?;
    let rows = output["sockets"].as_array().context("sockets")?;
    let mut members: BTreeSet<&str> = BTreeSet::new();
    for socket in rows {
        members.extend(socket.as_object().context("socket")?.keys().map(String::as_str));
    }
    // Of a congestion control that tells of itself.
    for name in ["bbr", "dctcp", "vegas"] {
        members.remove(name);
    }
    let mut known = BTreeSet::from(KNOWN);
    let has_mptcp = rows.iter().any(|row| row["proto"] == "mptcp");
    if !has_mptcp {
        for name in ["mptcp_info", "subflows", "ulp"] {
            known.remove(name);
        }
    }
    if !rows.iter().any(|row| row["proto"] == "packet") {
        known.remove("packet");
    }
    ensure!(members == known, "unknown {:?}, missing {:?}", &members - &known, &known - &members);
    let is_it = |row: &&Value| row["proto"] == "tcp" && row["state"] == "ESTABLISHED";
    let info = rows.iter().find(is_it).and_then(|row| row.get("tcp_info"));
    let info = info.and_then(Value::as_object).context("no tcp_info")?;
    // With their units in their names.
    for name in ["rtt_us", "rto_ms", "snd_cwnd_segs", "bytes_received", "last_ack_recv_ms"] {
        ensure!(info.get(name).is_some_and(Value::is_number), "{name}: {info:?}");
    }
    Ok(())
}
