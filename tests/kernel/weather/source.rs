//! No netlink, no `/proc`, or neither.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::VIEWS;
use crate::kit::run::{Output, Run};
use crate::kit::states::{self, By, Family, Held, Unread};
use crate::kit::{Check, Result, Trial, listeners, trial, unix};

/// What a container's profile, an old kernel and a missing module answer.
const ERRORS: [i32; 3] = [libc::EPERM, libc::EAFNOSUPPORT, libc::EPROTONOSUPPORT];

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 7] = [
        ("auto_falls_back_and_says_so", auto_falls_back),
        ("same_answers_without_netlink", same_answers_without_netlink),
        ("source_netlink_never_falls_back", source_netlink_never_falls_back),
        ("accept_queue_without_netlink", accept_queue_without_netlink),
        ("netlink_without_proc", netlink_without_proc),
        ("owners_without_proc", owners_without_proc),
        ("neither", neither),
    ];
    let of_check = |(name, check)| trial(format!("source::{name}"), check);
    checks.map(of_check).into()
}

/// Sockets of several kinds, in states that last.
fn some_sockets() -> Result<(Vec<Held>, unix::UnixHeld)> {
    let held = vec![
        states::established(Family::V4)?,
        states::established(Family::V6)?,
        states::close_wait(Family::Mapped, Unread::Eof)?,
        states::time_wait(Family::V4, By::Close)?,
        states::syn_recv(Family::V4)?,
    ];
    Ok((held, unix::connected()?))
}

fn run(command: &str, change: impl FnOnce(Run) -> Run) -> Result<Output> {
    change(Run::new(command.split_whitespace())).run()
}

/// With the reason, and what is lost by it, on stderr; in JSON, in the document.
fn auto_falls_back() -> Result<()> {
    let _sockets = some_sockets()?;
    for (errno, name) in ERRORS.iter().zip(["not permitted", "not supported", "not supported"]) {
        for view in VIEWS {
            let output = run(view, |run| run.without_netlink(*errno))?.ok()?;
            let line = output.stderr.lines().find(|line| line.starts_with("tcp: "));
            let line = line.with_context(|| format!("{view}: not a word {output}"))?;
            for part in ["read from /proc/net/tcp", "no accept-queue limits", "no cookies", name] {
                ensure!(line.contains(part), "{view}: {part} {output}");
            }
        }
    }
    let output = run("list -ta --json", |run| run.without_netlink(libc::EPERM))?.ok()?;
    let document = output.json()?;
    ensure!(output.stderr.is_empty() && document["source"] == "proc", "{output}");
    ensure!(document["sources"] == json!({"tcp": "proc", "tcp6": "proc"}), "{output}");
    let gaps = document["gaps"].to_string();
    ensure!(gaps.contains("no sock_diag socket") && gaps.contains("no tcp_info"), "{gaps}");
    Ok(())
}

/// What both sources tell is the same.
fn same_answers_without_netlink() -> Result<()> {
    let _sockets = some_sockets()?;
    for command in ["count --by state,family -tu --json", "list -ta --json", "status --json"] {
        let with = run(command, |run| run)?.ok()?.json()?;
        let without = run(command, |run| run.without_netlink(libc::EPERM))?.ok()?.json()?;
        ensure!(with["source"] == "netlink" && without["source"] == "proc", "{without}");
        for part in ["groups", "tcp", "udp", "total"] {
            ensure!(with[part] == without[part], "{command}: {} {}", with[part], without[part]);
        }
        let rows = |document: &Value| -> Vec<String> {
            let rows = document["sockets"].as_array().cloned().unwrap_or_default();
            let mut rows: Vec<String> = rows.iter().map(what_both_tell).collect();
            rows.sort();
            rows
        };
        ensure!(rows(&with) == rows(&without), "{:?} {:?}", rows(&with), rows(&without));
        ensure!(command != "list -ta --json" || rows(&with).len() >= 9, "{:?}", rows(&with));
    }
    Ok(())
}

/// A row without what only sock_diag tells, and without what a moment changes. The user of a
/// request and of what is left of a connection is the listener's or nobody's, as `/proc` has it.
fn what_both_tell(row: &Value) -> String {
    const NETLINK_ONLY: [&str; 6] =
        ["cookie", "cgroup", "cgroup_id", "mark", "shutdown", "v6_only"];
    const OF_A_MOMENT: [&str; 3] = ["timer", "age_ms", "accept_queue"];
    let mut row = row.clone();
    let has_no_user = row["standing"] == "request" || row["standing"] == "minisocket";
    if let Some(row) = row.as_object_mut() {
        for name in NETLINK_ONLY.iter().chain(&OF_A_MOMENT) {
            row.remove(*name);
        }
        if has_no_user {
            row.remove("uid");
        }
    }
    row.to_string()
}

/// Who asked for netlink gets netlink or an error: one line, nothing on stdout.
fn source_netlink_never_falls_back() -> Result<()> {
    let _sockets = some_sockets()?;
    for errno in ERRORS {
        for view in VIEWS.iter().chain(&["list --json", "status --json"]) {
            let command = format!("{view} --source netlink");
            let output = run(&command, |run| run.without_netlink(errno))?.ended(1)?;
            ensure!(output.stdout.is_empty() && output.stderr.lines().count() == 1, "{output}");
            let start = "sockstate: no socket table could be read: ";
            ensure!(output.stderr.starts_with(start), "{output}");
            ensure!(output.stderr.contains("sock_diag"), "{output}");
        }
    }
    Ok(())
}

/// `/proc` tells how many wait and not how many may: no verdict rather than a wrong one.
fn accept_queue_without_netlink() -> Result<()> {
    let _full = listeners::full_accept_queue(Family::V4, 3, 1)?;
    let output = run("listeners -H", |run| run.without_netlink(libc::EPERM))?.ok()?;
    let words: Vec<&str> = output.stdout.split_whitespace().collect();
    ensure!(words[1..5] == ["4/?", "0", "-", "4"], "{output}");
    let output = run("status --json", |run| run.without_netlink(libc::EPERM))?.ok()?;
    let document = output.json()?;
    ensure!(document["alerts"] == json!([]), "{document}");
    ensure!(document["unknown"][0]["rule"] == "accept-queue-overflow", "{document}");
    Ok(())
}

/// Only owners and the host's numbers come from `/proc`; the sockets do not.
fn netlink_without_proc() -> Result<()> {
    let held = states::established(Family::V4)?;
    let output = run("list -ta --proc-root /nonexistent", |run| run)?.ok()?;
    ensure!(output.stdout.contains(&held.local.to_string()), "{output}");
    ensure!(output.stderr.is_empty(), "nothing is missing: {output}");
    let output = run("count --proc-root /nonexistent", |run| run)?.ok()?;
    ensure!(output.stdout.contains("total            3\n"), "{output}");
    ensure!(output.stderr.is_empty(), "nothing is missing: {output}");
    let output = run("status --proc-root /nonexistent", |run| run)?.ok()?;
    ensure!(output.stdout.contains("ESTABLISHED         2"), "{output}");
    ensure!(output.stderr.contains("/nonexistent"), "{output}");
    ensure!(!output.stdout.contains("LIMIT"), "{output}");
    Ok(())
}

/// A gap that counts the sockets, says the place, and leaves the rows.
fn owners_without_proc() -> Result<()> {
    let held = states::established(Family::V4)?;
    for view in ["list -tap", "listeners", "count --by process"] {
        let output = run(&format!("{view} --proc-root /nonexistent"), |run| run)?.ok()?;
        let line = output.stderr.lines().find(|line| line.starts_with("owners: "));
        ensure!(line.is_some_and(|line| line.contains("/nonexistent")), "{view}: {output}");
    }
    let output = run("list -tap --json --proc-root /nonexistent", |run| run)?.ok()?.json()?;
    ensure!(output["gaps"][0]["what"] == "owners" && output["gaps"][0]["count"] == 3, "{output}");
    let rows = output["sockets"].as_array().context("sockets")?;
    ensure!(rows.iter().any(|row| row["inode"] == held.inode()), "{output}");
    Ok(())
}

fn neither() -> Result<()> {
    for view in VIEWS {
        let command = format!("{view} --proc-root /nonexistent");
        let output = run(&command, |run| run.without_netlink(libc::EPERM))?.ended(1)?;
        ensure!(output.stdout.is_empty() && output.stderr.lines().count() == 1, "{output}");
        for part in ["no socket table could be read", "sock_diag", "/nonexistent/net"] {
            ensure!(output.stderr.contains(part), "{view}: {part} {output}");
        }
    }
    Ok(())
}
