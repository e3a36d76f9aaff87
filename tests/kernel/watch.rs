//! `watch` without a terminal: the lines it writes, for people, scripts and service managers.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use crate::kit::netns::in_fresh_netns;
use crate::kit::run::Run;
use crate::kit::states::{self, Family, Held, Unread};
use crate::kit::tempdir::TempDir;
use crate::kit::{Check, PATIENCE, Result, Trial, poll, trial};

const CHECKS: &[Check] = &[
    ("a_leak_begins_and_ends", a_leak_begins_and_ends),
    ("lines_of_json", lines_of_json),
    ("transitions_when_asked_for", transitions_when_asked_for),
    ("ends_after_its_time", ends_after_its_time),
    ("signals", signals),
    ("nohup", nohup),
    ("a_closed_pipe_is_an_ordinary_end", a_closed_pipe_is_an_ordinary_end),
    ("mistakes_refuse_to_start", mistakes_refuse_to_start),
    ("a_service_manager_is_told", a_service_manager_is_told),
    ("a_command_is_told", a_command_is_told),
    ("a_rule_of_ones_own", a_rule_of_ones_own),
    ("a_command_that_fails_is_told", a_command_that_fails_is_told),
    ("an_ordinary_user", an_ordinary_user),
    ("a_namespace_that_disappears", a_namespace_that_disappears),
];

/// All trials.
pub fn trials() -> Vec<Trial> {
    CHECKS.iter().map(|(name, body)| trial(*name, *body)).collect()
}

/// Rules that a single socket breaks.
struct Rules {
    _directory: TempDir,
    file: String,
}

impl Rules {
    fn new() -> Result<Rules> {
        let directory = TempDir::new()?;
        let file = directory.path().join("rules.toml");
        std::fs::write(&file, "[close-wait-leak]\nmin_count = 1\nage = \"0s\"\n")?;
        let file = file.display().to_string();
        Ok(Rules { _directory: directory, file })
    }

    fn watch<'a>(&'a self, more: impl IntoIterator<Item = &'a str>) -> Run {
        let args = ["watch", "--source", "poll", "--interval", "50ms", "--max-cpu", "100"];
        Run::new(args.into_iter().chain(["--rules", &self.file]).chain(more))
    }
}

fn leak() -> Result<Held> {
    states::close_wait(Family::V4, Unread::Eof)
}

fn a_leak_begins_and_ends() -> Result<()> {
    let (rules, held) = (Rules::new()?, leak()?);
    let mut watch = rules.watch([]).start()?;
    let line = watch.line_where(|line| line.contains("close-wait-leak"))?;
    ensure!(line.contains("  WARNING  close-wait-leak  "), "{line}");
    ensure!(line.contains(&format!("[{}]", std::process::id())), "whose: {line}");
    ensure!(line.contains("1 socket in CLOSE_WAIT, oldest"), "{line}");
    drop(held);
    let line = watch.line_where(|line| line.contains("resolved"))?;
    ensure!(line.contains("  resolved close-wait-leak  "), "{line}");
    watch.signal(Signal::TERM)?;
    watch.finish()?.ended(143)?;
    Ok(())
}

/// The lines are those of the contract, one object each, at once.
fn lines_of_json() -> Result<()> {
    let (rules, held) = (Rules::new()?, leak()?);
    let mut watch = rules.watch(["--json", "--transitions"]).start()?;
    let parse = |line: String| -> Result<serde_json::Value> { Ok(serde_json::from_str(&line)?) };
    let firing = parse(watch.line_where(|line| line.contains("\"alert\""))?)?;
    ensure!(firing["schema"] == "sockstate.event/1" && firing["change"] == "firing", "{firing}");
    ensure!(firing["alert"]["rule"] == "close-wait-leak", "{firing}");
    ensure!(firing["alert"]["count"] == 1, "{firing}");
    let port = held.local.port();
    drop(held);
    let ended = parse(watch.line_where(|line| line.contains("\"transition\""))?)?;
    ensure!(ended["source"] == "poll" && ended["exact"] == false, "{ended}");
    let ports = [&ended["local"]["port"], &ended["remote"]["port"]];
    ensure!(ports.iter().any(|end| **end == port), "{ended}");
    let resolved = parse(watch.line_where(|line| line.contains("\"resolved\""))?)?;
    ensure!(resolved["alert"]["since"].is_string(), "{resolved}");
    Ok(())
}

fn transitions_when_asked_for() -> Result<()> {
    let (rules, held) = (Rules::new()?, leak()?);
    let port = held.local.port().to_string();
    let filter = ["--transitions", "to", "close", "sport", "=", &port];
    let mut watch = rules.watch(filter).start()?;
    watch.line_where(|line| line.contains("WARNING"))?;
    drop(held);
    let line = watch.line_where(|line| line.contains("gone"))?;
    ensure!(line.contains(&format!(":{port}")), "{line}");
    // Without the flag there are alerts alone.
    let held = leak()?;
    let mut watch = rules.watch([]).start()?;
    watch.line_where(|line| line.contains("WARNING"))?;
    drop(held);
    let line = watch.line_where(|line| !line.contains(NOT_JUDGED))?;
    ensure!(line.contains("resolved"), "{line}");
    Ok(())
}

/// What a watch says of rules that it cannot judge here.
const NOT_JUDGED: &str = "  not judged: ";

fn ends_after_its_time() -> Result<()> {
    let rules = Rules::new()?;
    let output = rules.watch(["--duration", "200ms"]).run()?.ok()?;
    ensure!(output.stdout.lines().all(|line| line.contains(NOT_JUDGED)), "{output}");
    ensure!(output.stderr.contains("events by snapshots alone"), "{output}");
    Ok(())
}

fn signals() -> Result<()> {
    let rules = Rules::new()?;
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut watch = rules.watch([]).start()?;
        watch.remark()?;
        watch.signal(signal)?;
        watch.finish()?.ended(code)?;
    }
    Ok(())
}

/// `nohup sockstate watch --json >file &` outlives the login.
fn nohup() -> Result<()> {
    let rules = Rules::new()?;
    let mut watch = rules.watch([]).within("nohup", []).start()?;
    while watch.remark()?.context("it ended")?.starts_with("nohup:") {}
    watch.signal(Signal::HUP)?;
    let ended = watch.line_within(Duration::from_millis(300));
    ensure!(ended.is_ok(), "SIGHUP ended it");
    watch.signal(Signal::TERM)?;
    watch.finish()?.ended(143)?;
    Ok(())
}

fn a_closed_pipe_is_an_ordinary_end() -> Result<()> {
    let (rules, _held) = (Rules::new()?, leak()?);
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    let watch = rules.watch(["--json"]).stdout(writer).start()?;
    watch.finish()?.ok()?;
    Ok(())
}

fn mistakes_refuse_to_start() -> Result<()> {
    let rules = Rules::new()?;
    std::fs::write(&rules.file, "[close-wait-leak]\nmin_cuont = 1\n")?;
    let output = rules.watch([]).run()?.ended(2)?;
    ensure!(output.stderr.contains(&format!("{}:2:", rules.file)), "{output}");
    ensure!(output.stderr.contains("min_count"), "what is allowed: {output}");
    let output = Run::new(["watch", "sporty 3"]).run()?.ended(2)?;
    ensure!(output.stderr.contains("^^^^^^"), "{output}");
    let output = Run::new(["watch", "--max-cpu", "0"]).run()?.ended(2)?;
    ensure!(output.stderr.contains("'0' is no share such as 5%"), "{output}");
    Ok(())
}

fn a_service_manager_is_told() -> Result<()> {
    let (rules, _held) = (Rules::new()?, leak()?);
    let directory = TempDir::new()?;
    let name = directory.path().join("notify");
    let manager = UnixDatagram::bind(&name)?;
    manager.set_read_timeout(Some(PATIENCE))?;
    let (reader, writer) = std::io::pipe()?;
    let stat = rustix::fs::fstat(&writer)?;
    let watch = rules
        .watch([])
        .env("NOTIFY_SOCKET", &name)
        .env("WATCHDOG_USEC", "1000000")
        .env("JOURNAL_STREAM", format!("{}:{}", stat.st_dev, stat.st_ino))
        .stdout(writer)
        .start()?;
    let hear = || -> Result<String> {
        let mut bytes = [0; 512];
        let len = manager.recv(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes[..len]).into_owned())
    };
    let first = hear()?;
    ensure!(first.starts_with("READY=1\nSTATUS=") && first.contains("socket"), "{first}");
    poll("a sign of life", || Ok((hear()? == "WATCHDOG=1").then_some(())))?;
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(reader), &mut line)?;
    ensure!(line.starts_with("<4>") && line.contains("close-wait-leak"), "{line}");
    watch.signal(Signal::TERM)?;
    poll("its end", || Ok((hear()? == "STOPPING=1").then_some(())))?;
    watch.finish()?.ended(143)?;
    Ok(())
}

fn a_command_is_told() -> Result<()> {
    let (rules, held) = (Rules::new()?, leak()?);
    let directory = TempDir::new()?;
    let heard = directory.path().join("heard");
    let command = format!("tee -a {}", heard.display());
    let watch = rules.watch(["--notify", &command]).start()?;
    let told = |word: &'static str| {
        let heard = heard.clone();
        poll(word, move || {
            let text = std::fs::read_to_string(&heard).unwrap_or_default();
            Ok(text.contains(&format!("\"change\":\"{word}\"")).then_some(()))
        })
    };
    told("firing")?;
    drop(held);
    told("resolved")?;
    watch.signal(Signal::INT)?;
    watch.finish()?.ended(130)?;
    Ok(())
}

/// A rule of one's own without a remedy says what it found, and no more.
fn a_rule_of_ones_own() -> Result<()> {
    let _held = leak()?;
    let (rules, text) = (Rules::new()?, "[[rule]]\nid = \"mine\"\nsummary = \"some wait\"\n");
    let when = "when = \"count(state close-wait) > 0\"\n";
    std::fs::write(&rules.file, format!("{text}{when}"))?;
    let mut watch = rules.watch([]).start()?;
    let line = watch.line_where(|line| line.contains("mine"))?;
    ensure!(line.ends_with("some wait: 1 (count(state close-wait) > 0)"), "{line:?}");
    watch.signal(Signal::INT)?;
    watch.finish()?.ended(130)?;
    Ok(())
}

/// That a command fails is told while the watch goes on.
fn a_command_that_fails_is_told() -> Result<()> {
    let (rules, _held) = (Rules::new()?, leak()?);
    let mut watch = rules.watch(["--notify", "/nonexistent/command"]).start()?;
    loop {
        let remark = watch.remark()?.context("it ended")?;
        if remark.contains("--notify /nonexistent/command: an event did not get through") {
            break;
        }
    }
    watch.signal(Signal::INT)?;
    watch.finish()?.ended(130)?;
    Ok(())
}

/// Its last process ends, and nothing but the watch keeps it: it goes on looking.
fn a_namespace_that_disappears() -> Result<()> {
    let sleeper = in_fresh_netns(|| Ok(std::process::Command::new("sleep").arg("60").spawn()?));
    let mut sleeper = sleeper?;
    let pid = sleeper.id().to_string();
    let mut watch = Run::new(["watch", "-N", &pid, "--interval", "50ms", "--json"]).start()?;
    ensure!(watch.remark()?.is_some_and(|line| line.contains("events by")), "it watches");
    sleeper.kill()?;
    sleeper.wait()?;
    std::thread::sleep(Duration::from_millis(300));
    watch.signal(Signal::INT)?;
    let output = watch.finish()?.ended(130)?;
    ensure!(!output.stderr.contains("failed"), "{output}");
    Ok(())
}

/// Without privileges: what is hidden is said once, the alerts are there.
fn an_ordinary_user() -> Result<()> {
    let (rules, _held) = (Rules::new()?, leak()?);
    let args = ["watch", "--interval", "50ms", "--rules", &rules.file];
    let mut watch = Run::new(args).without_capabilities().start()?;
    watch.line_where(|line| line.contains("WARNING  close-wait-leak"))?;
    watch.signal(Signal::INT)?;
    let output = watch.finish()?.ended(130)?;
    ensure!(output.stderr.contains("exact transitions are not available"), "{output}");
    ensure!(output.stderr.matches("owners:").count() <= 1, "said once: {output}");
    Ok(())
}
