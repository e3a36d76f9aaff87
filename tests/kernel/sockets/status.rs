//! Does `status` show the trouble first, and does it fit the smallest screen?

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::kit::listeners::{FullQueue, full_accept_queue};
use crate::kit::netns;
use crate::kit::run::Run;
use crate::kit::states::{self, By, Family, Held, Unread};
use crate::kit::{Check, Impossible, Result, Trial, ask, trial, udp, unix};

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 9] = [
        ("full_accept_queue_is_critical", full_accept_queue_is_critical),
        ("nearly_full_accept_queue_is_a_warning", nearly_full_is_a_warning),
        ("queue_limit_of_somaxconn", queue_limit_of_somaxconn),
        ("time_wait_flood", time_wait_flood),
        ("trouble_comes_first", trouble_comes_first),
        ("top_names_the_process", top_names_the_process),
        ("counts_agree_with_list", counts_agree_with_list),
        ("much_trouble_fits_the_screen", much_trouble_fits_the_screen),
        ("rounds_show_what_changed", rounds_show_what_changed),
    ];
    let of_check = |(name, check)| trial(format!("status::{name}"), check);
    checks.map(of_check).into()
}

fn alerts() -> Result<Vec<Value>> {
    Ok(ask::array(&ask::json(&["status"])?, "alerts")?.to_vec())
}

fn max_tw_buckets(limit: u32) -> Result<()> {
    let name = "ipv4/tcp_max_tw_buckets";
    let denied = |error| Impossible(format!("writing {name}: {error}"));
    Ok(netns::sysctl(name, &limit.to_string()).map_err(denied)?)
}

fn full_accept_queue_is_critical() -> Result<()> {
    let full = full_accept_queue(Family::V4, 3, 1)?;
    let alerts = alerts()?;
    let [alert] = alerts.as_slice() else { anyhow::bail!("{alerts:?}") };
    ensure!(alert["rule"] == "accept-queue-overflow", "{alert}");
    ensure!(alert["severity"] == "critical" && alert["count"] == 4, "{alert}");
    let subject = &alert["subject"]["listener"];
    ensure!(ask::endpoint(&subject["local"]) == Some(full.local), "{alert}");
    let owners = ask::array(subject, "processes")?;
    ensure!(owners.iter().any(|owner| owner["pid"] == std::process::id()), "{alert}");
    let evidence = &alert["evidence"];
    ensure!(evidence["queue"] == 4 && evidence["limit"] == 3, "{alert}");
    ensure!(evidence["drops"].as_u64() >= Some(1), "{alert}");
    let remedy = alert["remedy"].as_str().context("no remedy")?;
    ensure!(remedy.contains("the application's own backlog"), "{remedy}");
    Ok(())
}

/// At its limit a queue is not full yet, and worth a look; an empty one is not.
fn nearly_full_is_a_warning() -> Result<()> {
    let full = full_accept_queue(Family::V6, 3, 0)?;
    full.listener.accept().context("accept")?;
    let alert = alerts()?.pop().context("no alert")?;
    ensure!(alert["severity"] == "warning" && alert["evidence"]["queue"] == 3, "{alert}");
    for _ in 0..3 {
        full.listener.accept().context("accept")?;
    }
    ensure!(alerts()?.is_empty(), "{:?}", alerts()?);
    Ok(())
}

/// Where somaxconn is the limit, raising the backlog would be the wrong advice.
fn queue_limit_of_somaxconn() -> Result<()> {
    let denied = |error| Impossible(format!("writing net.core.somaxconn: {error}"));
    netns::sysctl("core/somaxconn", "3").map_err(denied)?;
    let _full = full_accept_queue(Family::V4, 3, 0)?;
    let alert = alerts()?.pop().context("no alert")?;
    let remedy = alert["remedy"].as_str().context("no remedy")?;
    ensure!(remedy.contains("net.core.somaxconn (3)"), "{remedy}");
    ensure!(remedy.contains("listen() again"), "{remedy}");
    Ok(())
}

/// Clear at 3 of 5, a warning at 4, critical at 5.
fn time_wait_flood() -> Result<()> {
    max_tw_buckets(5)?;
    let mut held = Vec::new();
    for count in 1..=5 {
        held.push(states::time_wait(Family::V4, By::Close)?);
        let alerts = alerts()?;
        let expected = match count {
            ..=3 => vec![],
            4 => vec!["warning"],
            _ => vec!["critical"],
        };
        let severities: Vec<&Value> = alerts.iter().map(|alert| &alert["severity"]).collect();
        ensure!(severities == expected, "{count}: {alerts:?}");
        if let [alert] = alerts.as_slice() {
            ensure!(alert["rule"] == "time-wait-flood", "{alert}");
            ensure!(alert["evidence"] == json!({"time_wait": count, "limit": 5}), "{alert}");
        }
    }
    Ok(())
}

/// The sockets of a machine in trouble.
struct Trouble {
    queues: Vec<FullQueue>,
    _close_wait: Vec<Held>,
    _time_wait: Vec<Held>,
}

fn trouble(queues: usize) -> Result<Trouble> {
    max_tw_buckets(5)?;
    let close_wait = |_| states::close_wait(Family::V4, Unread::Eof);
    let time_wait = |_| states::time_wait(Family::V4, By::Close);
    Ok(Trouble {
        _time_wait: (0..4).map(time_wait).collect::<Result<_>>()?,
        _close_wait: (0..11).map(close_wait).collect::<Result<_>>()?,
        queues: (0..queues).map(|_| full_accept_queue(Family::V4, 3, 1)).collect::<Result<_>>()?,
    })
}

/// In text: critical before warning, both before the counts.
fn trouble_comes_first() -> Result<()> {
    let trouble = trouble(1)?;
    let text = Run::new(["status"]).run()?.ok()?;
    let at = |wanted: &str| text.stdout.find(wanted).with_context(|| format!("{wanted}? {text}"));
    let comm = std::fs::read_to_string("/proc/self/comm")?;
    let owner = format!("{}[{}]", comm.trim_end(), std::process::id());
    let local = trouble.queues[0].local;
    let critical = at(&format!("CRITICAL accept-queue-overflow  {local} {owner}\n"))?;
    let warning = at("WARNING  time-wait-flood  this network namespace\n")?;
    let counts = at("\nTCP   LISTEN")?;
    ensure!(critical < warning && warning < counts, "{text}");
    ensure!(at("queue 4/3,")? > critical && at("4 clients waiting up to")? < warning, "{text}");
    ensure!(at("4 of 5 TIME_WAIT records are in use")? > warning, "{text}");
    ensure!(at("   2 alerts")? < critical, "{text}");
    ensure!(at(&format!("most CLOSE_WAIT  {owner} 11\n"))? > counts, "{text}");
    Ok(())
}

fn top_names_the_process() -> Result<()> {
    let mut held = Vec::new();
    for family in Family::ALL {
        held.push(states::close_wait(family, Unread::Nothing)?);
    }
    held.push(states::close_wait_unaccepted(Family::V4)?);
    held.push(states::time_wait(Family::V4, By::Close)?);
    let document = ask::json(&["status"])?;
    let top = ask::array(&document, "top")?;
    let own = std::process::id();
    let of_us = |by: &'static str| {
        ask::only(top, move |top| top["by"] == by && top["process"]["pid"] == own)
    };
    ensure!(of_us("process_close_wait")?["count"] == 3, "not the unaccepted one: {top:?}");
    ensure!(of_us("process_sockets")?["count"].as_u64() > Some(3), "{top:?}");
    let from = ask::only(top, |top| top["by"] == "remote_time_wait")?;
    ensure!(from["remote"] == "127.0.0.1" && from["count"] == 1, "{top:?}");
    Ok(())
}

fn counts_agree_with_list() -> Result<()> {
    let mut held = vec![udp::unconnected(Family::V4, 0)?, udp::connected(Family::V6, 0)?];
    for recipe in states::ALL {
        held.push((recipe.make)(Family::V4)?);
    }
    let _unix = unix::connected()?;
    let document = ask::json(&["status"])?;
    let mut tcp = 0;
    for proto in ["tcp", "udp", "unix"] {
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for row in ask::sockets(&["-a"])?.iter().filter(|row| row["proto"] == proto) {
            *expected.entry(row["state"].as_str().context("state")?.to_owned()).or_default() += 1;
        }
        let mut said: BTreeMap<String, u64> = serde_json::from_value(document[proto].clone())?;
        if proto == "tcp" {
            tcp = said.len();
            said.retain(|_, count| *count > 0);
        }
        ensure!(!expected.is_empty() && said == expected, "{proto}: {said:?} {expected:?}");
    }
    ensure!(tcp >= 11, "all eleven states of TCP, also the empty ones: {document}");
    Ok(())
}

/// With more trouble than there is room for, the counts still stand on the screen, and a line
/// tells of the rest. One line is left for the shell's prompt.
fn much_trouble_fits_the_screen() -> Result<()> {
    const COLUMNS: usize = 80;
    const LINES: usize = 23;
    let _trouble = trouble(6)?;
    let output = Run::new(["status", "--color", "never"]).run_on_terminal(80, 24)?.ok()?;
    let lines: Vec<&str> = output.stdout.lines().collect();
    ensure!(lines.len() <= LINES, "{} lines {output}", lines.len());
    let widest = lines.iter().map(|line| line.chars().count()).max();
    ensure!(widest <= Some(COLUMNS), "{widest:?} columns {output}");
    ensure!(lines[2].starts_with("CRITICAL accept-queue-overflow"), "{output}");
    ensure!(lines.iter().any(|line| line.contains(" more: sockstate status --json")), "{output}");
    ensure!(lines.iter().any(|line| line.starts_with("most CLOSE_WAIT")), "{output}");
    Ok(())
}

/// `--interval`: the second round tells what the first one did not have.
fn rounds_show_what_changed() -> Result<()> {
    let mut running = Run::new(["status", "--interval", "200ms"]).start()?;
    // The first round is out.
    running.line_where(|line| line.starts_with("UDP "))?;
    let held = states::close_wait(Family::V4, Unread::Eof)?;
    // A round may have seen it on its way there.
    running.line_where(|line| line.starts_with("SINCE ") && line.contains("CLOSE_WAIT +1"))?;
    drop((held, running));
    // Nothing changes in a namespace of one's own.
    let args = ["status", "--json", "-t", "--interval", "10ms", "--count", "2"];
    let output = Run::new(args).run()?.ok()?;
    let rounds: Vec<Value> = serde_json::Deserializer::from_str(&output.stdout)
        .into_iter()
        .collect::<std::result::Result<_, _>>()?;
    ensure!(rounds.len() == 2 && rounds[0].get("changes").is_none(), "{output}");
    ensure!(rounds[1]["changes"]["udp"] == json!({}), "{output}");
    // As with every flag of a round.
    Run::new(["status", "--count", "2"]).run()?.ended(2)?;
    Ok(())
}
