//! Do the ways that save time lead to the same answer as those that do not?
//!
//! Above ten thousand sockets `count` takes the largest states from sums of the kernel, and TCP of
//! both families is read in one walk.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;
use socket2::Socket;

use crate::kit::listeners::full_accept_queue;
use crate::kit::states::{self, By, Family, Held, Unread, address_of};
use crate::kit::{Check, Impossible, Result, Trial, ask, many_descriptors, trial};

/// Connections, two ends of which are more than `count` reads one by one.
const PAIRS: usize = 5_100;

/// From here on `count` takes the kernel's word.
const WORTH_IT: u64 = 10_000;

/// What the pairs and a few more sockets take.
const DESCRIPTORS: u64 = 10_800;

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 4] = [
        ("count_of_many_established", count_of_many_established),
        ("count_of_many_time_wait", count_of_many_time_wait),
        ("one_walk_for_both_families", one_walk_for_both_families),
        ("one_walk_that_ends_early", one_walk_that_ends_early),
    ];
    let of_check = |(name, check)| trial(format!("shortcuts::{name}"), check);
    checks.map(of_check).into()
}

/// Makes connections, a third of each family, and hands both ends of each to `end`.
fn connections(
    count: usize,
    mut each: impl FnMut(usize, Socket, Socket) -> Result<()>,
) -> Result<Vec<Socket>> {
    let mut listeners = Vec::new();
    for family in Family::ALL {
        let listener = states::listening(family, 4_096)?;
        let port = address_of(&listener)?.port();
        for number in 0..count.div_ceil(Family::ALL.len()) {
            let client = states::connected_to(family, port)?;
            let (server, _) = listener.accept().context("accept")?;
            each(number, client, server)?;
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

/// A few sockets in the states that must be told apart from those that fill the table.
fn neighbours() -> Result<Vec<Held>> {
    let mut held = Vec::new();
    for family in Family::ALL {
        held.push(states::close_wait(family, Unread::Eof)?);
        held.push(states::close_wait_unaccepted(family)?);
        held.push(states::established_unaccepted(family)?);
        held.push(states::syn_recv(family)?);
        held.push(states::syn_sent(family)?);
        held.push(states::fin_wait2(family, By::Close)?);
        held.push(states::fin_wait2(family, By::Shutdown)?);
        held.push(states::time_wait(family, By::Close)?);
        held.push(states::last_ack(family, By::Close)?);
    }
    Ok(held)
}

/// Sockets by state, each row of each table read.
fn counted_one_by_one() -> Result<BTreeMap<String, u64>> {
    let document = ask::json(&["count", "--by", "state,family"])?;
    let mut counts = BTreeMap::new();
    for group in ask::array(&document, "groups")? {
        let state = group["key"]["state"].as_str().context("no state")?;
        *counts.entry(state.to_owned()).or_default() += group["count"].as_u64().context("count")?;
    }
    Ok(counts)
}

/// Sockets by state as `count` has them, without the empty ones; and whether the total is right.
fn counted() -> Result<BTreeMap<String, u64>> {
    let document = ask::json(&["count"])?;
    let mut counts = BTreeMap::new();
    for group in ask::array(&document, "groups")? {
        let state = group["key"]["state"].as_str().context("no state")?;
        counts.insert(state.to_owned(), group["count"].as_u64().context("count")?);
    }
    ensure!(document["total"] == counts.values().sum::<u64>(), "total: {document}");
    counts.retain(|_, count| *count > 0);
    Ok(counts)
}

fn agrees(full: &str) -> Result<()> {
    let expected = counted_one_by_one()?;
    ensure!(expected.get(full) >= Some(&WORTH_IT), "no reason for a shortcut: {expected:?}");
    ensure!(counted()? == expected, "{:?}, one by one {expected:?}", counted()?);
    Ok(())
}

fn count_of_many_established() -> Result<()> {
    many_descriptors(DESCRIPTORS)?;
    let mut ends = Vec::new();
    let _listeners = connections(PAIRS, |_, client, server| {
        ends.extend([client, server]);
        Ok(())
    })?;
    let _neighbours = neighbours()?;
    agrees("ESTABLISHED")?;
    // Half of them end: now there is nothing to save.
    ends.truncate(PAIRS);
    let expected = counted_one_by_one()?;
    ensure!(expected.get("ESTABLISHED") < Some(&WORTH_IT), "{expected:?}");
    ensure!(counted()? == expected, "{:?}, one by one {expected:?}", counted()?);
    Ok(())
}

fn count_of_many_time_wait() -> Result<()> {
    let _listeners = connections(10_050, |_, client, server| {
        drop(client);
        drop(server);
        Ok(())
    })?;
    let _neighbours = neighbours()?;
    let kept = counted_one_by_one()?.get("TIME_WAIT").copied().unwrap_or(0);
    if kept < WORTH_IT {
        return Err(Impossible(format!("the kernel kept only {kept} TIME_WAIT records")).into());
    }
    agrees("TIME_WAIT")
}

/// The rows of `list`, in one order, without what a moment changes.
fn rows(args: &[&str]) -> Result<Vec<String>> {
    let mut rows = ask::sockets(args)?;
    for row in &mut rows {
        let row = row.as_object_mut().context("a row")?;
        row.remove("timer");
        row.remove("age_ms");
    }
    let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    rows.sort();
    Ok(rows)
}

/// TCP read at once is what its two tables are apart, whatever is asked of it.
fn one_walk_for_both_families() -> Result<()> {
    let mut held = Vec::new();
    let mut full = Vec::new();
    for family in Family::ALL {
        for recipe in states::ALL {
            held.push((recipe.make)(family)?);
        }
        full.push(full_accept_queue(family, 3, 2)?);
    }
    for args in [
        &["-t"][..],
        &["-ta"],
        &["-tl"],
        &["-tap"],
        &["-tae"],
        &["-t", "state", "close-wait"],
        &["-t", "state", "bucket"],
        &["-t", "state", "close"],
        &["-t", "state", "bound"],
        &["-t", "state", "time-wait", "state", "syn-sent"],
        &["-ta", "dst", "127.0.0.0/8"],
        &["-ta", "dst", "[::1]"],
        &["-ta", "not", "src", "127.0.0.1"],
        &["-ta", "sport", "<", "50000", "or", "recvq", ">", "0"],
        &["-ta", "--no-kernel-filter", "dst", "127.0.0.0/8"],
    ] {
        let of = |flag: &[&'static str]| rows(&[flag, args].concat());
        let (both, mut apart) = (of(&[])?, of(&["-4"])?);
        apart.extend(of(&["-6"])?);
        apart.sort();
        ensure!(both == apart, "{args:?}: {}", difference(&both, &apart));
        let by_flags = of(&["-4", "-6"])?;
        ensure!(both == by_flags, "{args:?}: {}", difference(&both, &by_flags));
        let is_some = args.contains(&"close") || args.contains(&"bound") || !both.is_empty();
        ensure!(is_some, "{args:?} selects nothing");
    }
    let tables = rows(&["-tuwxa"])?;
    let mut apart = rows(&["-ta"])?;
    apart.extend(rows(&["-uwxa"])?);
    apart.sort();
    ensure!(tables == apart, "{}", difference(&tables, &apart));
    Ok(())
}

/// The rows that only one of two answers has.
fn difference(ours: &[String], others: &[String]) -> String {
    let lone = |rows: &[String], others: &[String]| -> Vec<String> {
        rows.iter().filter(|row| !others.contains(row)).cloned().collect()
    };
    let (here, there) = (lone(ours, others), lone(others, ours));
    format!("{} and {} rows, only here {here:?}, only there {there:?}", ours.len(), others.len())
}

/// `--limit` stops the walk wherever it is, and other tables after it are not read.
fn one_walk_that_ends_early() -> Result<()> {
    let mut held = Vec::new();
    for family in Family::ALL {
        held.push(states::established(family)?);
    }
    let all = ask::sockets(&["-tua"])?;
    ensure!(all.len() == 9, "{all:?}");
    for limit in 0..=10 {
        let some = ask::sockets(&["-tua", "--limit", &limit.to_string()])?;
        ensure!(some[..] == all[..limit.min(9)], "{limit}: {some:?} {all:?}");
    }
    Ok(())
}
