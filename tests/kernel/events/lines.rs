//! The lines themselves: at once, by the contract, what the filter selects, and counted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use jsonschema::Validator;
use rustix::process::Signal;
use serde_json::Value;

use super::shape::Line;
use super::watch::{Told, Watch, until_told};
use crate::kit::run::{Run, Running};
use crate::kit::states::{self, By, Conn, Family, address_of};
use crate::kit::{Check, Result, Trial, trial, unix};
use crate::trace::traffic::Server;

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 9] = [
        ("at_once_text", at_once_text),
        ("at_once_json", at_once_json),
        ("schema", schema),
        ("filter_by_port", filter_by_port),
        ("filter_by_ends_of_a_transition", filter_by_ends),
        ("explain_filter", explain_filter),
        ("summary_agrees", summary_agrees),
        ("summary_every", summary_every),
        ("what_is_not_followed", what_is_not_followed),
    ];
    let of_check = |(name, check)| trial(format!("lines::{name}"), check);
    checks.map(of_check).into()
}

/// A line is there while the program goes on.
fn at_once_text() -> Result<()> {
    let args = ["events", "--source", "poll", "--interval", "50ms"];
    let mut running = Run::new(args).start()?;
    running.remark()?;
    let mut listeners = Vec::new();
    let line = until_told(&mut running, || {
        listeners.push(states::listening(Family::V4, 1)?);
        Ok(address_of(&listeners[listeners.len() - 1])?.port())
    })?;
    ensure!(line.contains("127.0.0.1:") && line.contains("new -> LISTEN"), "{line}");
    running.signal(Signal::INT)?;
    running.finish()?.ended(130)?;
    Ok(())
}

fn at_once_json() -> Result<()> {
    // The tracepoint where that is allowed.
    let mut watch = Watch::start(&["--interval", "200ms"])?;
    watch.barrier()?;
    watch.finish()?;
    Ok(())
}

fn validator() -> Result<Validator> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    Ok(jsonschema::draft202012::new(&schema)?)
}

/// Every kind of line is as the committed schema says.
fn schema() -> Result<()> {
    let validator = validator()?;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for args in [
        &["--source", "auto", "--interval", "30ms"][..],
        &["--source", "poll", "--interval", "30ms"],
        &["--source", "destroy", "--interval", "30ms"],
        &["--source", "destroy", "--interval", "30ms", "--summary"],
    ] {
        let all = ["events", "--json"].iter().chain(args);
        let mut running = Run::new(all).start()?;
        running.remark()?;
        let server = Server::v4()?;
        let live = || {
            server.life()?;
            drop(Conn::accepted(Family::V4)?);
            Ok(server.port())
        };
        if args.contains(&"--summary") {
            live()?;
        } else {
            until_told(&mut running, live)?;
        }
        running.signal(Signal::INT)?;
        let output = running.finish()?.ended(130)?;
        for line in output.json_lines()? {
            let errors: Vec<String> =
                validator.iter_errors(&line).map(|error| error.to_string()).collect();
            ensure!(errors.is_empty(), "{line}\n{}", errors.join("\n"));
            // The second copy of the shapes agrees.
            Line::read(&line.to_string())?;
            let kind = line["type"].as_str().context("no type")?;
            *kinds.entry(kind.to_owned()).or_default() += 1;
        }
    }
    ensure!(kinds.contains_key("transition") && kinds.contains_key("summary"), "{kinds:?}");
    // The schema does not allow everything.
    for wrong in [
        r#"{"schema":"sockstate.event/1","type":"transition"}"#,
        r#"{"schema":"sockstate.event/1"}"#,
    ] {
        ensure!(validator.iter_errors(&serde_json::from_str(wrong)?).next().is_some(), "{wrong}");
    }
    Ok(())
}

/// What no look shows is told, once for all looks.
fn what_is_not_followed() -> Result<()> {
    let _waiting = unix::listener(1, 1)?;
    let args = ["-x", "--source", "proc", "--interval", "50ms", "--duration", "300ms"];
    let all = ["events", "--json"].iter().chain(&args);
    let lines = Run::new(all).run()?.ok()?.json_lines()?;
    for wanted in ["wait to be accepted", "read from /proc/net/unix"] {
        let told = lines.iter().filter(|line| line["type"] == "gap" && line["what"] == "unix");
        let reasons = told.filter_map(|gap| gap["reason"].as_str());
        ensure!(reasons.filter(|reason| reason.contains(wanted)).count() == 1, "{lines:?}");
    }
    Ok(())
}

/// Only what the filter selects, with the kernel's help where that traces.
fn filter_by_port() -> Result<()> {
    let (wanted, other) = (Server::v4()?, Server::v4()?);
    let filter = format!("sport = :{0} or dport = :{0}", wanted.port());
    let args = ["events", "--json", "--interval", "50ms", &filter];
    let mut running = Run::new(args).start()?;
    running.remark()?;
    until_told(&mut running, || wanted.life().map(|_| wanted.port()))?;
    for _ in 0..5 {
        wanted.life()?;
        other.life()?;
    }
    running.signal(Signal::INT)?;
    let told = Told::of(&running.finish()?.ended(130)?)?;
    ensure!(told.transitions.iter().all(|t| t.has_port(wanted.port())), "{:?}", told.transitions);
    ensure!(told.by_socket(wanted.port()).len() >= 5, "{:?}", told.transitions);
    // One end only.
    let filter = format!("sport = :{}", wanted.port());
    let mut running = Run::new(["events", "--json", "--interval", "50ms", &filter]).start()?;
    running.remark()?;
    until_told(&mut running, || wanted.life().map(|_| wanted.port()))?;
    wanted.life()?;
    other.life()?;
    running.signal(Signal::INT)?;
    let told = Told::of(&running.finish()?.ended(130)?)?;
    let ports = told.transitions.iter().filter_map(|t| t.local().map(|end| end.port()));
    ensure!(ports.clone().count() > 0, "nothing");
    ensure!(ports.into_iter().all(|port| port == wanted.port()), "{:?}", told.transitions);
    Ok(())
}

/// `to` and `from` are about one end, a state of the filter about either.
fn filter_by_ends() -> Result<()> {
    let cases: [(&[&str], &[&str]); 4] = [
        (&["to", "close-wait"], &["ESTABLISHED→CLOSE_WAIT"]),
        (&["from", "close-wait"], &["CLOSE_WAIT→CLOSE"]),
        (&["state", "close-wait"], &["ESTABLISHED→CLOSE_WAIT", "CLOSE_WAIT→CLOSE"]),
        (&["from", "established", "to", "close-wait"], &["ESTABLISHED→CLOSE_WAIT"]),
    ];
    for (words, wanted) in cases {
        let mut conn = Conn::accepted(Family::V4)?;
        let args = ["events", "--json", "--source", "poll", "--interval", "50ms"];
        let mut running = Run::new(args.iter().chain(words)).start()?;
        running.remark()?;
        // Each time a look has seen another connection in both of its states.
        until_told(&mut running, close_slowly)?;
        conn.end_client(By::Shutdown)?;
        conn.wait("CLOSE_WAIT")?;
        until_told(&mut running, close_slowly)?;
        conn.end_server(By::Close)?;
        running.signal(Signal::INT)?;
        let told = Told::of(&running.finish()?.ended(130)?)?;
        let of_it = told.of_socket(conn.local(), conn.remote());
        ensure!(super::watch::steps(&of_it) == wanted, "{words:?}: {:#?}", told.transitions);
    }
    Ok(())
}

/// A connection that looks can follow: established, in CLOSE_WAIT, and closed. Returns a port of
/// its own.
fn close_slowly() -> Result<u16> {
    let mut conn = Conn::accepted(Family::V4)?;
    std::thread::sleep(Duration::from_millis(100));
    conn.end_client(By::Shutdown)?;
    conn.wait("CLOSE_WAIT")?;
    std::thread::sleep(Duration::from_millis(100));
    conn.end_server(By::Close)?;
    Ok(conn.remote().port())
}

fn explain_filter() -> Result<()> {
    let words = ["events", "--explain-filter", "sport = :80", "to", "close-wait", "from", "estab"];
    let output = Run::new(words).run()?.ok()?;
    ensure!(output.stdout.contains("sport = 80"), "{output}");
    ensure!(output.stdout.contains("from ESTABLISHED"), "{output}");
    ensure!(output.stdout.contains("to CLOSE_WAIT"), "{output}");
    Ok(())
}

/// The same counts in text, in JSON, and by the lines themselves.
fn summary_agrees() -> Result<()> {
    let server = Server::v4()?;
    let filter = format!("sport = :{0} or dport = :{0}", server.port());
    // Ends by the multicast and looks whose times do not matter: both see the same.
    let source = ["--source", "destroy", "--interval", "1h", &filter];
    let start = |args: &[&str]| -> Result<Running> {
        let mut running = Run::new(["events"].iter().chain(args).chain(&source)).start()?;
        running.remark()?;
        Ok(running)
    };
    let all = [start(&["--json"])?, start(&["--summary"])?, start(&["--json", "--summary"])?];
    all.iter().try_for_each(Running::wait_idle)?;
    for _ in 0..10 {
        server.life()?;
    }
    server.reset()?;
    // Each has heard of every end before it looks for the last time.
    all.iter().try_for_each(Running::wait_idle)?;
    let mut outputs = Vec::new();
    for running in all {
        running.signal(Signal::INT)?;
        outputs.push(running.finish()?.ended(130)?);
    }
    let mut counted: BTreeMap<(String, String), u64> = BTreeMap::new();
    for t in Told::of(&outputs[0])?.transitions {
        let from = t.from.unwrap_or_else(|| "-".to_owned());
        *counted.entry((from, t.to)).or_default() += 1;
    }
    ensure!(counted.values().sum::<u64>() >= 20, "{counted:?}");
    let text = outputs[1].stdout.lines().skip(1).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Ok(((words[0].to_owned(), words[1].to_owned()), words[2].parse::<u64>()?))
    });
    let text = text.collect::<Result<BTreeMap<_, _>>>()?;
    ensure!(text == counted, "{text:?}, but {counted:?}");
    let [Line::Summary(summary)] =
        &outputs[2].stdout.lines().map(Line::read).collect::<Result<Vec<Line>>>()?[..]
    else {
        anyhow::bail!("not one summary: {}", outputs[2]);
    };
    let cells = summary.transitions.iter().map(|cell| {
        let from = cell.from.clone().unwrap_or_else(|| "-".to_owned());
        ((from, cell.to.clone()), cell.count)
    });
    ensure!(cells.collect::<BTreeMap<_, _>>() == counted, "{summary:?}, but {counted:?}");
    Ok(())
}

fn summary_every() -> Result<()> {
    let args = ["events", "--json", "--summary=200ms", "--source", "poll", "--interval", "50ms"];
    let mut running = Run::new(args).start()?;
    for _ in 0..2 {
        running.line()?.context("it ended")?;
    }
    running.signal(Signal::INT)?;
    let output = running.finish()?.ended(130)?;
    let lines = output.json_lines()?;
    // The last one is told at the end.
    ensure!(lines.len() >= 3, "{output}");
    ensure!(lines.iter().all(|line| line["type"] == "summary"), "{output}");
    Ok(())
}
