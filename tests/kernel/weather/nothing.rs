//! Not a single socket: every command says so, and none complains.

use anyhow::{Context, ensure};
use serde_json::json;

use crate::kit::run::Run;
use crate::kit::{CheckOf, Result, Trial, ask, trial};

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for source in ["auto", "proc"] {
        let checks: [CheckOf<&str>; 3] =
            [("tables", tables), ("status", status), ("json", documents)];
        for (name, check) in checks {
            let name = format!("nothing::{name}_{source}");
            trials.push(trial(name, move || check(source)));
        }
    }
    trials.push(trial("nothing::ports_without_a_range", ports_without_a_range));
    trials
}

/// Without the range of ephemeral ports there is no answer, and an empty one would be wrong.
fn ports_without_a_range() -> Result<()> {
    let output = Run::new(["ports", "--proc-root", "/nonexistent"]).run()?.ended(1)?;
    ensure!(output.stdout.is_empty() && output.stderr.contains("/nonexistent"), "{output}");
    Ok(())
}

/// Rules that a namespace without sockets cannot judge: limits of the whole host, and descriptors
/// of processes that are closed even to root.
const NOT_HERE: [&str; 3] = ["orphan-pressure", "tcp-memory", "dead-fd-leak"];

/// The head, where there is one, and nothing else.
fn tables(source: &str) -> Result<()> {
    let zeros = "STATE        COUNT\nLISTEN           0\nSYN_SENT         0\nSYN_RECV         0\n\
                 ESTABLISHED      0\nCLOSE_WAIT       0\nFIN_WAIT1        0\nFIN_WAIT2        0\n\
                 CLOSING          0\nLAST_ACK         0\nTIME_WAIT        0\nCLOSE            0\n\
                 total            0\n";
    for (command, expected) in [
        ("list", "PROTO  STATE  RECV-Q  SEND-Q  LOCAL  REMOTE\n"),
        ("list -tanp", "STATE  RECV-Q  SEND-Q  LOCAL  REMOTE  PROCESS\n"),
        ("list -aH", ""),
        ("list -ta --sort -recvq --limit 5", "STATE  RECV-Q  SEND-Q  LOCAL  REMOTE\n"),
        ("listeners", "LOCAL  QUEUE  SYN  DROPS  WAITING  OWNER\n"),
        ("listeners -txH", ""),
        ("count", zeros),
        ("count --by process", "PROCESS  COUNT\ntotal        0\n"),
        ("count --by remote,user -tux", "REMOTE  USER  COUNT\ntotal   -         0\n"),
        ("count --by remote -H", ""),
    ] {
        let args = command.split_whitespace().chain(["--source", source]);
        let output = Run::new(args).run()?.ok()?;
        ensure!(output.stdout == expected, "{command}: {output}");
        ensure!(output.stderr.is_empty(), "{command}: nothing is missing: {output}");
    }
    Ok(())
}

fn status(source: &str) -> Result<()> {
    let output = Run::new(["status", "--source", source]).run()?.ok()?;
    let by = if source == "auto" { "netlink" } else { "proc" };
    let heading = format!("  0 sockets by {by}   no alerts");
    ensure!(output.stdout.contains(&heading), "{output}");
    ensure!(output.stdout.contains("\n\nTCP   LISTEN              0"), "{output}");
    ensure!(
        output.stdout.contains("\nUDP   0, 0 connected   RAW 0   UNIX 0, 0 listening\n"),
        "{output}"
    );
    ensure!(!output.stdout.contains("most "), "{output}");
    let blind: Vec<&str> =
        output.stdout.lines().filter_map(|line| line.strip_prefix("not judged: ")).collect();
    // No alerts alone are an all-clear, and only where every rule has judged.
    ensure!(blind.is_empty() == output.stdout.contains("no alerts\n"), "{output}");
    for line in blind {
        ensure!(NOT_HERE.iter().any(|rule| line.starts_with(&format!("{rule}: "))), "{output}");
    }
    ensure!(output.stderr.is_empty(), "nothing is missing: {output}");
    Ok(())
}

fn documents(source: &str) -> Result<()> {
    for (command, member) in [("list", "sockets"), ("listeners", "listeners")] {
        let document = ask::json(&[command, "--source", source])?;
        ensure!(document[member] == json!([]) && document["gaps"] == json!([]), "{document}");
    }
    let document = ask::json(&["count", "--source", source])?;
    ensure!(document["total"] == 0 && document["gaps"] == json!([]), "{document}");
    ensure!(document["groups"].as_array().map(Vec::len) == Some(11), "{document}");
    let document = ask::json(&["status", "--source", source])?;
    for member in ["alerts", "top", "gaps"] {
        ensure!(document[member] == json!([]), "{member}: {document}");
    }
    for unknown in document["unknown"].as_array().context("no member unknown")? {
        ensure!(NOT_HERE.iter().any(|rule| unknown["rule"] == *rule), "{document}");
    }
    Ok(())
}
