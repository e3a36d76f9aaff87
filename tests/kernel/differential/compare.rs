//! The comparison.

use std::collections::BTreeMap;

use anyhow::{bail, ensure};

use super::ours;
use super::population;
use super::ss::{self, InetRow, UnixRow};
use crate::kit::netns;
use crate::kit::{Result, Trial, trial};

/// How often we wait for two equal answers of `ss`. One is enough but for a busy machine.
const TRIES: usize = 50;

pub fn trials() -> Vec<Trial> {
    vec![
        trial("tcp_netlink", || tcp("netlink")),
        trial("tcp_proc", || tcp("proc")),
        trial("udp_netlink", || udp("netlink")),
        trial("udp_proc", || udp("proc")),
        trial("unix_netlink", || unix("netlink")),
        trial("unix_proc", || unix("proc")),
    ]
}

fn tcp(source: &str) -> Result<()> {
    let _population = population::tcp(netns::is_privileged())?;
    let by_proc = source == "proc";
    let rows = agree(
        || ss::inet("-tane"),
        || ours::inet(&["-ta", "--source", source]),
        |row: InetRow| if by_proc { row.less_what_proc_hides() } else { row },
    )?;
    let states: BTreeMap<&str, usize> = count(rows.iter().map(|row| row.state.as_str()));
    ensure!(rows.len() > 3_000, "only {} rows: {states:?}", rows.len());
    ensure!(states.len() == 10, "all states but CLOSE, which no table shows: {states:?}");
    ensure!(states.values().all(|&count| count >= 3), "{states:?}");
    let full = rows.iter().filter(|row| row.state == "LISTEN" && row.recv_q > 0).count();
    ensure!(full >= 3, "{full} listeners with a queue");
    Ok(())
}

fn udp(source: &str) -> Result<()> {
    let _population = population::udp()?;
    let by_proc = source == "proc";
    let rows = agree(
        || ss::inet("-uane"),
        || ours::inet(&["-ua", "--source", source]),
        |row: InetRow| if by_proc { row.less_what_proc_hides() } else { row },
    )?;
    let unread = rows.iter().filter(|row| row.recv_q > 0).count();
    ensure!(rows.len() > 500 && unread > 100, "{} rows, {unread} unread", rows.len());
    Ok(())
}

fn unix(source: &str) -> Result<()> {
    let _population = population::unix()?;
    let by_proc = source == "proc";
    let rows = agree(
        ss::unix,
        || ours::unix(&["-xa", "--source", source]),
        |row: UnixRow| if by_proc { row.less_what_proc_hides() } else { row },
    )?;
    let kinds = count(rows.iter().map(|row| (row.kind.as_str(), row.state.as_str())));
    ensure!(rows.len() > 800 && kinds.len() >= 6, "{} rows: {kinds:?}", rows.len());
    Ok(())
}

fn count<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

/// Compares two ways to list, and returns the rows. `reduce` takes away what only `ss` can know.
fn agree<R: Ord + Clone + std::fmt::Debug>(
    theirs: impl Fn() -> Result<Vec<R>>,
    ours: impl Fn() -> Result<Vec<R>>,
    reduce: impl Fn(R) -> R,
) -> Result<Vec<R>> {
    for _ in 0..TRIES {
        let (before, ours, after) = (sorted(theirs()?), sorted(ours()?), sorted(theirs()?));
        if before != after {
            continue;
        }
        let reduced = sorted(before.iter().cloned().map(&reduce).collect());
        if ours != reduced {
            bail!("{}", difference(&reduced, &ours));
        }
        return Ok(before);
    }
    bail!("ss never says the same twice")
}

fn sorted<R: Ord>(mut rows: Vec<R>) -> Vec<R> {
    rows.sort();
    rows
}

/// The first few rows that only one of the two has.
fn difference<R: Ord + std::fmt::Debug>(theirs: &[R], ours: &[R]) -> String {
    let only = |rows: &[R], others: &[R]| -> String {
        let lone = rows.iter().filter(|row| others.binary_search(row).is_err());
        lone.take(5).map(|row| format!("  {row:?}\n")).collect()
    };
    format!(
        "ss has {} rows, we have {}\nonly ss:\n{}only we:\n{}",
        theirs.len(),
        ours.len(),
        only(theirs, ours),
        only(ours, theirs)
    )
}
