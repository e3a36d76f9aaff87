//! The command itself: flags, exit statuses, configuration, notification.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::Check;
use crate::kit::listeners::full_accept_queue;
use crate::kit::run::{Output, Run};
use crate::kit::states::{self, Family, Held, Unread};
use crate::kit::tempdir::TempDir;
use crate::kit::{Result, poll};

pub const CHECKS: &[Check] = &[
    ("max_by_state", max_by_state),
    ("max_by_age", max_by_age),
    ("own_rules_and_exceptions", own_rules),
    ("mistakes_are_usage", mistakes),
    ("notify_gets_both_ends", notify),
    ("notify_of_a_storm", notify_of_a_storm),
    ("notify_that_fails_is_no_ok", notify_that_fails_is_no_ok),
    ("status_line_for_plugins", status_line),
    ("rules_are_found", rules_are_found),
];

fn close_waits(count: usize) -> Result<Vec<Held>> {
    (0..count).map(|_| states::close_wait(Family::V4, Unread::Eof)).collect()
}

fn max_by_state() -> Result<()> {
    let _held = close_waits(3)?;
    Run::new(["check", "--max", "close-wait=3"]).run()?.ok()?;
    let output = Run::new(["check", "--max", "CLOSE_WAIT=2", "--json"]).run()?.ended(2)?;
    let alert = &output.json()?["alerts"][0];
    ensure!(alert["rule"] == "max-close-wait" && alert["count"] == 3, "{output}");
    // Its threshold is one of critical.
    let output = Run::new(["check", "--max", "close-wait=2"]).run()?.ended(2)?;
    ensure!(output.stdout.contains(" 'max-close-wait'=3;;2;0\n"), "{output}");
    // A missing name or number is usage, with what is allowed.
    let wrong =
        ["nowhere=3", "close-wait", "close-wait=many", "close-wait=1:soon", "close-wait=1:5"];
    for wrong in wrong {
        let output = Run::new(["check", "--max", wrong]).run()?.ended(2)?;
        ensure!(output.stderr.lines().count() == 1, "{output}");
    }
    Ok(())
}

fn max_by_age() -> Result<()> {
    let _held = close_waits(2)?;
    Run::new(["check", "--max", "close-wait=1:1h"]).run()?.ok()?;
    poll("they are old enough", || {
        let output = Run::new(["check", "--max", "close-wait=1:300ms"]).run()?;
        Ok((output.code() == Some(2)).then_some(()))
    })?;
    // Nothing proves the age of an established connection: neither yes nor no.
    let _established = states::established(Family::V4)?;
    Run::new(["check", "--max", "established=0:1h"]).run()?.ended(3)?;
    Ok(())
}

fn own_rules() -> Result<()> {
    let _held = close_waits(3)?;
    let dir = TempDir::new()?;
    let file = dir.path().join("rules.toml");
    fs::write(
        &file,
        "[close-wait-leak]\nmin_count = 3\nage = \"0s\"\n\n\
         [[rule]]\nid = \"mine\"\nwhen = \"count(state close-wait and recvq = 1) >= 3\"\n\
         severity = \"critical\"\nsummary = \"my own\"\n",
    )?;
    let path = file.to_str().context("a path")?;
    let output = Run::new(["check", "--json", "--rules", path]).run()?.ended(2)?;
    let json = output.json()?;
    let rules: Vec<&str> = json["alerts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|a| a["rule"].as_str())
        .collect();
    ensure!(rules.contains(&"mine") && rules.contains(&"close-wait-leak"), "{output}");
    // An exception for this very process.
    let text = fs::read_to_string(&file)?;
    let own_name = fs::read_to_string("/proc/self/comm")?;
    let exception = format!(
        "{text}\n[[override]]\nrule = \"close-wait-leak\"\nprocess = \"{}*\"\nmin_count = 4\n",
        own_name.trim().get(..8).unwrap_or("rules_ke")
    );
    fs::write(&file, exception)?;
    Run::new(["check", "--rules", path, "--rule", "close-wait-leak"]).run()?.ok()?;
    let printed = Run::new(["check", "--rules", path, "--print-rules"]).run()?.ok()?;
    ensure!(printed.stdout.contains(&format!("# {path}:2\n")), "{printed}");
    ensure!(printed.stdout.contains("# default\n"), "{printed}");
    Ok(())
}

fn mistakes() -> Result<()> {
    let dir = TempDir::new()?;
    let file = dir.path().join("rules.toml");
    fs::write(&file, "[close-wait-leak]\nmin_cuont = 3\n")?;
    let path = file.to_str().context("a path")?;
    let output = Run::new(["check", "--rules", path]).run()?.ended(2)?;
    ensure!(output.stderr.contains(&format!("{path}:2:1: close-wait-leak has no")), "{output}");
    Run::new(["check", "--rules", "/nonexistent"]).run()?.ended(2)?;
    Run::new(["check", "--rule", "close-wait-leek"]).run()?.ended(2)?;
    Run::new(["check", "--for", "soon"]).run()?.ended(2)?;
    // A time of nothing between two looks would never rest.
    let output = Run::new(["check", "--for", "1s", "--interval", "0s"]).run()?.ended(2)?;
    ensure!(output.stderr.contains("'0s' is no time such as 500ms"), "{output}");
    // A time is what it is for every other flag.
    Run::new(["check", "--rule", "self-connect", "--for", "0.2s", "--interval", "0.1s"])
        .run()?
        .ok()?;
    Ok(())
}

/// The check of a queue that is empty before its end, which tells `tee` of the events; `None` where
/// it ends too soon.
fn queue_that_empties(time: &str, file: &Path) -> Result<Option<Output>> {
    // Of an earlier try.
    drop(fs::remove_file(file));
    let command = format!("tee -a {}", file.display());
    let full = full_accept_queue(Family::V4, 2, 0)?;
    let rule = ["--rule", "accept-queue-overflow", "--interval", "100ms"];
    let told = ["--for", time, "--notify", &command];
    let running = Run::new(["check", "--json"].iter().chain(&rule).chain(&told)).start()?;
    poll("the first event", || Ok(fs::read(file).is_ok_and(|t| !t.is_empty()).then_some(())))?;
    drop(full);
    let output = running.finish()?;
    Ok((output.code() == Some(0)).then_some(output))
}

fn notify() -> Result<()> {
    let dir = TempDir::new()?;
    let file = dir.path().join("events");
    // So long that its end does not come before the queue is empty, on a slow machine as well.
    let times = ["2s", "10s", "50s"];
    let resolved = times.iter().find_map(|time| queue_that_empties(time, &file).transpose());
    let output = resolved.context("it ends before the queue is empty")??;
    ensure!(output.json()?["looks"].as_u64() >= Some(2), "{output}");
    let text = fs::read_to_string(&file)?;
    let events: Vec<Value> =
        text.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?;
    let changes: Vec<_> = events.iter().map(|e| e["change"].as_str().unwrap_or("?")).collect();
    ensure!(changes == ["firing", "resolved"], "{text}");
    ensure!(events[0]["alert"]["rule"] == "accept-queue-overflow", "{text}");
    ensure!(events[0]["type"] == "alert" && events[0]["at"].is_string(), "{text}");
    // One that hangs does not keep the check from its end.
    let _full = full_accept_queue(Family::V4, 2, 0)?;
    let args = ["check", "--rule", "accept-queue-overflow", "--notify", "/nonexistent"];
    let output = Run::new(args).run()?.ended(2)?;
    let said = "notify: 1 event did not get through to /nonexistent: it could not be started: No \
                such file or directory";
    ensure!(output.stderr.contains(said), "{output}");
    Ok(())
}

/// More alerts at once than commands may run: the others wait for their turn.
fn notify_of_a_storm() -> Result<()> {
    let dir = TempDir::new()?;
    let file = dir.path().join("events");
    let full = || full_accept_queue(Family::V4, 1, 0);
    let _full = (0..30).map(|_| full()).collect::<Result<Vec<_>>>()?;
    let command = format!("tee -a {}", file.display());
    let args = ["check", "--rule", "accept-queue-overflow", "--notify", &command];
    let output = Run::new(args).run()?.ended(2)?;
    ensure!(!output.stderr.contains("get through"), "{output}");
    ensure!(fs::read_to_string(&file)?.lines().count() == 30, "{output}");
    Ok(())
}

/// Where somebody was to be told and was not, that nothing is wrong any more is not said.
fn notify_that_fails_is_no_ok() -> Result<()> {
    let rule = ["--rule", "accept-queue-overflow", "--interval", "100ms", "--for", "3s"];
    for json in [&["--json"][..], &[]] {
        let full = full_accept_queue(Family::V4, 2, 0)?;
        let args = ["check", "--notify", "/nonexistent"].iter().chain(&rule).chain(json);
        let running = Run::new(args).start()?;
        std::thread::sleep(std::time::Duration::from_millis(1_000));
        drop(full);
        let output = running.finish()?.ended(3)?;
        if json.is_empty() {
            let start = "SOCKSTATE UNKNOWN - 2 events did not get through to /nonexistent: ";
            ensure!(output.stdout.starts_with(start), "{output}");
        } else {
            let document = output.json()?;
            ensure!(document["status"] == "UNKNOWN", "{output}");
            let gap = &document["gaps"][0];
            ensure!(gap["what"] == "notify" && gap["count"] == 2, "{output}");
        }
    }
    Ok(())
}

fn status_line() -> Result<()> {
    let full = full_accept_queue(Family::V4, 2, 0)?;
    let args = ["check", "--rule", "accept-queue-overflow"];
    let output = Run::new(args).run()?.ended(2)?;
    let first = output.stdout.lines().next().unwrap_or_default();
    ensure!(first.starts_with("SOCKSTATE CRITICAL - accept-queue-overflow 127.0.0.1:"), "{output}");
    ensure!(first.contains(": queue 3/2"), "{output}");
    let (_, performance) = first.split_once(" | ").context("performance data")?;
    for datum in performance.split(' ') {
        let (_, value) = datum.split_once('=').context("label=value")?;
        let number = value.split(';').next().unwrap_or_default();
        ensure!(number.parse::<u64>().is_ok(), "{output}");
    }
    drop(full);
    let output = Run::new(args).run()?.ok()?;
    ensure!(output.stdout.starts_with("SOCKSTATE OK - nothing is wrong | "), "{output}");
    Ok(())
}

fn rules_are_found() -> Result<()> {
    let dir = TempDir::new()?;
    fs::create_dir(dir.path().join("sockstate"))?;
    fs::write(dir.path().join("sockstate/rules.toml"), "[udp-drops]\nenabled = false\n")?;
    let output =
        Run::new(["check", "--print-rules"]).env("XDG_CONFIG_HOME", dir.path()).run()?.ok()?;
    ensure!(output.stdout.contains("sockstate/rules.toml:2"), "{output}");
    Ok(())
}
