//! Does `list` tell the truth about every kind of TCP socket, by either source?
//!
//! Each recipe of the kit is made in each family and read back. What must come out stands in
//! [`ALL`], written down from what the recipe does, and in the rows of `/proc` that the kit read
//! by itself.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::kit::states::{self, Family, Held, Recipe};
use crate::kit::{Impossible, Result, Trial, ask, trial};

/// What the program must say of a recipe's socket, beside what the recipe itself promises.
struct Expected {
    recipe: &'static str,
    standing: &'static str,
    /// Bytes that nobody has acknowledged; a SYN and a FIN count as one.
    send_q: u32,
    timer: Option<&'static str>,
    end_of_file: Option<&'static str>,
}

const fn quiet(recipe: &'static str, standing: &'static str) -> Expected {
    Expected { recipe, standing, send_q: 0, timer: None, end_of_file: None }
}

const fn unanswered(recipe: &'static str, standing: &'static str, send_q: u32) -> Expected {
    Expected { recipe, standing, send_q, timer: Some("retransmit"), end_of_file: None }
}

const fn minisocket(recipe: &'static str) -> Expected {
    let timer = Some("timewait");
    Expected { recipe, standing: "minisocket", send_q: 0, timer, end_of_file: None }
}

const fn hung_up(recipe: &'static str, standing: &'static str, eof: &'static str) -> Expected {
    Expected { recipe, standing, send_q: 0, timer: None, end_of_file: Some(eof) }
}

const ALL: &[Expected] = &[
    quiet("listen", "descriptor"),
    quiet("bound", "descriptor"),
    unanswered("syn_sent", "descriptor", 1),
    unanswered("syn_recv", "request", 0),
    unanswered("syn_recv_simultaneous", "descriptor", 1),
    quiet("established", "descriptor"),
    quiet("established_unaccepted", "unaccepted"),
    quiet("self_connect", "descriptor"),
    unanswered("fin_wait1", "descriptor", 1),
    unanswered("fin_wait1_orphan", "orphan", 1),
    quiet("fin_wait2", "descriptor"),
    minisocket("fin_wait2_minisocket"),
    hung_up("close_wait", "descriptor", "unread"),
    hung_up("close_wait_eof_read", "descriptor", "read"),
    hung_up("close_wait_unread", "descriptor", "data_unread"),
    hung_up("close_wait_unaccepted", "unaccepted", "unread"),
    unanswered("last_ack", "descriptor", 1),
    unanswered("last_ack_orphan", "orphan", 1),
    unanswered("closing", "descriptor", 1),
    unanswered("closing_orphan", "orphan", 1),
    minisocket("time_wait"),
    minisocket("time_wait_fd_open"),
];

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for family in Family::ALL {
        for source in ["netlink", "proc"] {
            for recipe in states::ALL {
                let name = format!("tcp::{}_{}_{source}", recipe.name, family.name());
                trials.push(trial(name, move || reads_back(recipe, family, source)));
            }
        }
    }
    trials
}

/// Makes the socket, asks for everything and compares.
fn reads_back(recipe: &Recipe, family: Family, source: &str) -> Result<()> {
    let held = (recipe.make)(family)?;
    let document = ask::json(&["list", "-a", "-p", "--source", source])?;
    says_its_source(&document, &held, source)?;
    let rows = ask::array(&document, "sockets")?;
    let is_it = |row: &Value| {
        ask::is_between(row, held.local, held.remote)
            && is_listener(row) == (held.state == "LISTEN")
    };
    let is_shown = recipe.in_proc || (recipe.name == "bound" && source == "netlink");
    if !is_shown {
        let found: Vec<&Value> = rows.iter().filter(|row| is_it(row)).collect();
        ensure!(found.is_empty(), "{found:?}");
        return Ok(());
    }
    if recipe.name == "bound" {
        kernel_lists_bound_sockets()?;
    }
    let row = ask::only(rows, is_it)?;
    let expected = ALL.iter().find(|expected| expected.recipe == recipe.name);
    let expected = expected.with_context(|| format!("{} is missing here", recipe.name))?;
    is_right(row, &held, recipe, expected, source).with_context(|| row.to_string())
}

fn is_listener(row: &Value) -> bool {
    row["state"] == "LISTEN"
}

/// The pseudo state came with Linux 6.8.
fn kernel_lists_bound_sockets() -> Result<()> {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) < (6, 8) => {
            Err(Impossible(format!("Linux {release} does not list bound sockets")).into())
        }
        _ => Ok(()),
    }
}

/// Nothing is missing by netlink; by /proc the document says what is.
fn says_its_source(document: &Value, held: &Held, source: &str) -> Result<()> {
    ensure!(document["source"] == source, "{document}");
    let gaps = ask::array(document, "gaps")?;
    if source == "netlink" {
        // Not every kernel has raw_diag.
        ensure!(gaps.iter().all(|gap| gap["what"] == "raw" || gap["what"] == "raw6"), "{gaps:?}");
    } else if held.row.is_some() {
        let table = if held.family == Family::V4 { "tcp" } else { "tcp6" };
        let gap = ask::only(gaps, |gap| gap["what"] == table)?;
        let reason = gap["reason"].as_str().context("no reason")?;
        for lost in ["accept-queue limits", "listener drops", "cookies", "tcp_info"] {
            ensure!(reason.contains(lost), "{reason}");
        }
    }
    Ok(())
}

fn is_right(
    row: &Value,
    held: &Held,
    recipe: &Recipe,
    expected: &Expected,
    source: &str,
) -> Result<()> {
    ensure!((&row["proto"], &row["state"]) == (&json!("tcp"), &json!(recipe.state)), "state");
    let family = if held.family == Family::V4 { "inet" } else { "inet6" };
    ensure!(row["family"] == family, "family");
    let talks_v4 = held.family == Family::Mapped && !held.local.ip().is_unspecified();
    ensure!(row.get("v4_mapped") == talks_v4.then_some(&json!(true)), "v4_mapped");
    ensure!(row["standing"] == expected.standing, "not {}", expected.standing);
    // The kernel's answer for these two has a 0 in the user's place, which is nobody's.
    let has_user = source == "proc" || !matches!(expected.standing, "request" | "minisocket");
    ensure!(row.get("uid") == has_user.then_some(&json!(0)), "user");
    ensure!(row["ifindex"] == 0, "device");
    ensure!(row.get("end_of_file") == expected.end_of_file.map(Value::from).as_ref(), "eof");
    timer_is_right(row, expected)?;
    queues_are_right(row, held, recipe, expected, source)?;
    identity_is_right(row, held, recipe, source)?;
    // Ages take tcp_info, which a list of all states does not ask for; TIME_WAIT needs none.
    ensure!(row.get("age_ms").is_some() == (recipe.state == "TIME_WAIT"), "age");
    owner_is_right(row, held, recipe)
}

fn timer_is_right(row: &Value, expected: &Expected) -> Result<()> {
    let kind = row["timer"]["kind"].as_str();
    // A kernel after 6.18 tells of a delayed ACK, which may be due in a connection at rest.
    ensure!(kind.filter(|kind| *kind != "delack") == expected.timer, "timer");
    if expected.timer == Some("timewait") {
        let expires = row["timer"]["expires_ms"].as_u64().context("expires_ms")?;
        ensure!((1..=60_000).contains(&expires), "expires_ms");
    }
    Ok(())
}

/// A listener has an accept queue and no byte queues; everything else the other way round.
fn queues_are_right(
    row: &Value,
    held: &Held,
    recipe: &Recipe,
    expected: &Expected,
    source: &str,
) -> Result<()> {
    let queues = ["recv_q", "send_q", "accept_queue"].map(|name| row.get(name));
    if recipe.state == "LISTEN" {
        let queue = match source {
            "netlink" => json!({"len": 0, "limit": 7, "full": false}),
            _ => json!({"len": 0}),
        };
        ensure!(queues == [None, None, Some(&queue)], "queues");
        return Ok(());
    }
    let recv_q = recipe.recv_q.or(held.row.as_ref().map(|row| row.rx_queue)).unwrap_or(0);
    let (recv_q, send_q) = (json!(recv_q), json!(expected.send_q));
    ensure!(queues == [Some(&recv_q), Some(&send_q), None], "queues");
    Ok(())
}

fn identity_is_right(row: &Value, held: &Held, recipe: &Recipe, source: &str) -> Result<()> {
    let own = match &held.subject {
        Some(subject) if recipe.has_inode || recipe.name == "bound" => Some(subject),
        _ => None,
    };
    let inode = own.map_or(Ok(0), states::inode_of)?;
    ensure!(row["inode"] == inode, "inode {inode}");
    let cookie = row["cookie"].as_str();
    match (source, own) {
        ("proc", _) => ensure!(row.get("cookie").is_none(), "/proc knows no cookie"),
        (_, Some(own)) => ensure!(cookie == Some(&format!("{:#x}", own.cookie()?)), "cookie"),
        (_, None) => ensure!(cookie.is_some_and(|text| text.starts_with("0x")), "cookie"),
    }
    Ok(())
}

/// This process is found behind each socket that it has, under the right descriptor.
fn owner_is_right(row: &Value, held: &Held, recipe: &Recipe) -> Result<()> {
    let mut by_pid: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    for process in ask::array(row, "processes")? {
        let pid = process["pid"].as_u64().context("pid")?;
        by_pid.entry(pid).or_default().push(process["fd"].as_i64().context("fd")?);
    }
    if !recipe.has_inode && recipe.name != "bound" {
        ensure!(by_pid.is_empty(), "nobody has it: {by_pid:?}");
        return Ok(());
    }
    let fd = held.fd().context("not open")?;
    let own = BTreeMap::from([(u64::from(std::process::id()), vec![i64::from(fd)])]);
    ensure!(by_pid == own, "processes {own:?}");
    Ok(())
}
