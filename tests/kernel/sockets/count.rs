//! Does `count` count what `list` lists?
//!
//! The groups are made here a second time, by plain counting over the rows of `list`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::kit::holder::Holder;
use crate::kit::netns;
use crate::kit::run::Run;
use crate::kit::states::{self, By, Family, Held};
use crate::kit::unix::UnixHeld;
use crate::kit::{Impossible, Result, Trial, ask, trial, udp, unix};

/// What a key must say of a row of `list`.
type KeyOf = fn(&Value) -> Value;

const KEYS: &[(&str, KeyOf)] = &[
    ("state", |row| row["state"].clone()),
    ("family", |row| row["family"].clone()),
    ("local-port", |row| row["local"]["port"].clone()),
    ("remote", |row| if has_peer(row) { row["remote"]["addr"].clone() } else { Value::Null }),
    ("remote-port", |row| if has_peer(row) { row["remote"]["port"].clone() } else { Value::Null }),
    ("user", |row| match row.get("uid") {
        Some(uid) => json!({"uid": uid, "name": "root"}),
        None => Value::Null,
    }),
];

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (key, _) in KEYS {
        trials.push(trial(format!("count::by_{key}"), || agrees_with_list(&[key])));
    }
    for keys in [["state", "local-port"], ["family", "state"], ["remote", "state"]] {
        let name = format!("count::by_{}_and_{}", keys[0], keys[1]);
        trials.push(trial(name, move || agrees_with_list(&keys)));
    }
    trials.push(trial("count::by_process", by_process));
    trials.push(trial("count::of_one_state", of_one_state));
    trials.push(trial("count::all_eleven_states_in_order", all_states_in_order));
    trials.push(trial("count::by_two_users", by_two_users));
    trials
}

/// Some sockets of many kinds.
struct Population {
    _inet: Vec<Held>,
    _unix: UnixHeld,
}

fn population() -> Result<Population> {
    let mut inet = vec![udp::unconnected(Family::V4, 0)?, udp::connected(Family::V6, 0)?];
    for family in Family::ALL {
        inet.push(states::established(family)?);
        inet.push(states::established_unaccepted(family)?);
        inet.push(states::syn_recv(family)?);
        inet.push(states::time_wait(family, By::Close)?);
        inet.push(states::fin_wait1(family, By::Close)?);
        inet.push(states::syn_sent(family)?);
    }
    Ok(Population { _inet: inet, _unix: unix::connected()? })
}

/// A LISTEN row has a remote address, the wildcard, and no peer.
fn has_peer(row: &Value) -> bool {
    let address = row["remote"]["addr"].as_str().and_then(|text| text.parse::<IpAddr>().ok());
    address.is_some_and(|address| !address.is_unspecified())
}

fn count(args: &[&str]) -> Result<Value> {
    ask::json(&["count"].iter().chain(args).copied().collect::<Vec<_>>())
}

/// The groups of a document, by their keys. Groups of nothing are left out.
fn groups(document: &Value) -> Result<BTreeMap<String, u64>> {
    let mut groups = BTreeMap::new();
    for group in ask::array(document, "groups")? {
        let count = group["count"].as_u64().context("no count")?;
        if count > 0 && groups.insert(group["key"].to_string(), count).is_some() {
            anyhow::bail!("twice: {group}");
        }
    }
    Ok(groups)
}

fn agrees_with_list(keys: &[&str]) -> Result<()> {
    let _population = population()?;
    let by = keys.join(",");
    let document = count(&["-tux", "--by", &by])?;
    let rows = ask::sockets(&["-tuxa"])?;
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for row in &rows {
        let member = |name: &&str| {
            let (_, of) = KEYS.iter().find(|(key, _)| key == name).context("unknown key")?;
            Ok(((*name).to_owned(), of(row)))
        };
        let key: serde_json::Map<_, _> = keys.iter().map(member).collect::<Result<_>>()?;
        *expected.entry(Value::Object(key).to_string()).or_default() += 1;
    }
    ensure!(groups(&document)? == expected, "{:?}\n{expected:?}", groups(&document)?);
    ensure!(document["total"] == rows.len() && document["by"] == json!(keys), "{document}");
    Ok(())
}

/// A socket of two processes counts in the group of each, and once in the total; a socket of
/// nobody counts by the reason for that.
fn by_process() -> Result<()> {
    let held = states::established(Family::V4)?;
    let copy = held.subject.as_ref().context("not open")?.try_clone()?;
    let holder = Holder::new(b"other", [copy])?;
    let _unaccepted = states::established_unaccepted(Family::V6)?;
    let document = count(&["--by", "process"])?;
    ensure!(document["total"] == 6, "two listeners and two connections of two ends: {document}");
    let groups = ask::array(&document, "groups")?;
    let of = |pid: u32| ask::only(groups, move |group| group["key"]["process"]["pid"] == pid);
    ensure!(of(std::process::id())?["count"] == 5, "{document}");
    let other = of(holder.pid())?;
    ensure!(other["count"] == 1 && other["key"]["process"]["comm"] == "other", "{document}");
    let nobody = ask::only(groups, |group| group["key"]["process"].is_null())?;
    ensure!(nobody["key"]["standing"] == "unaccepted" && nobody["count"] == 1, "{document}");
    Ok(())
}

fn of_one_state() -> Result<()> {
    let _population = population()?;
    let all = groups(&count(&[])?)?;
    for (args, names) in [
        (["state", "syn-recv"], &["SYN_RECV"][..]),
        (["state", "bucket"], &["SYN_RECV", "TIME_WAIT"]),
    ] {
        let key = |name: &&str| json!({"state": name}).to_string();
        let expected: u64 = names.iter().filter_map(|name| all.get(&key(name))).sum();
        let document = count(&args)?;
        ensure!(expected > 0 && document["total"] == expected, "{args:?} {document} {all:?}");
    }
    Ok(())
}

/// In the order of a connection's life, also those that nobody is in.
fn all_states_in_order() -> Result<()> {
    let _held = states::established(Family::V4)?;
    let text = Run::new(["count"]).run()?.ok()?;
    let rows: Vec<Vec<&str>> =
        text.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected = [
        ["STATE", "COUNT"],
        ["LISTEN", "1"],
        ["SYN_SENT", "0"],
        ["SYN_RECV", "0"],
        ["ESTABLISHED", "2"],
        ["CLOSE_WAIT", "0"],
        ["FIN_WAIT1", "0"],
        ["FIN_WAIT2", "0"],
        ["CLOSING", "0"],
        ["LAST_ACK", "0"],
        ["TIME_WAIT", "0"],
        ["CLOSE", "0"],
        ["total", "3"],
    ];
    ensure!(rows == expected, "{text}");
    Ok(())
}

/// Giving a socket away (fchown) gives it to another user for the kernel, too.
fn by_two_users() -> Result<()> {
    const SOMEBODY: u32 = 54_321;
    if !netns::is_privileged() {
        return Err(Impossible("a user namespace of our own has one user".into()).into());
    }
    let held = states::listen(Family::V4, 7)?;
    let _other = states::listen(Family::V4, 7)?;
    let subject = held.subject.as_ref().context("not open")?;
    rustix::fs::fchown(subject, Some(rustix::fs::Uid::from_raw(SOMEBODY)), None)?;
    let users = |document: &Value| -> Result<Vec<(Value, Value)>> {
        let groups = ask::array(document, "groups")?.iter();
        let mut users: Vec<_> =
            groups.map(|g| (g["key"]["user"]["uid"].clone(), g["count"].clone())).collect();
        users.sort_by_key(|(uid, _)| uid.as_u64());
        Ok(users)
    };
    for source in ["netlink", "proc"] {
        let document = count(&["--by", "user", "--source", source])?;
        let expected = [(json!(0), json!(1)), (json!(SOMEBODY), json!(1))];
        ensure!(users(&document)? == expected, "{document}");
    }
    Ok(())
}
