//! How it ends, and what it says when it cannot begin.

use std::fs::{File, OpenOptions};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::process::Signal;

use super::watch::Watch;
use crate::kit::run::{Run, Running};
use crate::kit::states::{self, Family};
use crate::kit::{Check, Result, Trial, trial};

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 9] = [
        ("signals", signals),
        ("duration", duration),
        ("last_look", last_look),
        ("closed_pipe", closed_pipe),
        ("full_disk", full_disk),
        ("without_the_privilege", without_the_privilege),
        ("auto_says_which_and_why", auto_says_which_and_why),
        ("bad_words", bad_words),
        ("idle_costs_nothing", idle_costs_nothing),
    ];
    let of_check = |(name, check)| trial(format!("ends::{name}"), check);
    checks.map(of_check).into()
}

fn signals() -> Result<()> {
    for source in ["destroy", "poll"] {
        for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let watch = Watch::start(&["--source", source, "--interval", "100ms"])?;
            watch.running.signal(signal)?;
            let output = watch.running.finish()?.ended(status)?;
            ensure!(output.stderr.lines().count() == 1, "{output}");
        }
    }
    Ok(())
}

fn duration() -> Result<()> {
    for source in ["auto", "destroy", "poll"] {
        let began = Instant::now();
        let args = ["events", "--source", source, "--duration", "300ms", "--interval", "1h"];
        let output = Run::new(args).run()?.ok()?;
        // The tracepoint tells of other namespaces as well.
        ensure!(output.stdout.is_empty() || source == "auto", "{output}");
        let took = began.elapsed();
        ensure!(took >= Duration::from_millis(300), "{took:?}");
    }
    Ok(())
}

/// What happened since the last look is told at the end.
fn last_look() -> Result<()> {
    // No event tells that a connection begins.
    let running = Run::new(["events", "--source", "destroy", "--interval", "1h"]).start()?;
    running.wait_idle()?;
    let held = states::established(Family::V4)?;
    running.signal(Signal::INT)?;
    let output = running.finish()?.ended(130)?;
    let local = held.local.to_string();
    ensure!(output.stdout.lines().any(|line| line.contains(&local)), "{output}");
    Ok(())
}

fn closed_pipe() -> Result<()> {
    let (reader, writer) = std::io::pipe()?;
    let args = ["events", "--source", "poll", "--interval", "50ms"];
    let mut running: Running = Run::new(args).stdout(writer).start()?;
    running.remark()?;
    drop(reader);
    let mut held = Vec::new();
    running.meanwhile(|| {
        held.push(states::listening(Family::V4, 1)?);
        Ok(())
    })?;
    let output = running.finish()?.ok()?;
    ensure!(output.stderr.lines().count() == 1, "{output}");
    Ok(())
}

fn full_disk() -> Result<()> {
    let full: File = OpenOptions::new().write(true).open("/dev/full").context("/dev/full")?;
    let args = ["events", "--source", "poll", "--interval", "50ms"];
    let mut running = Run::new(args).stdout(full).start()?;
    running.remark()?;
    let mut held = Vec::new();
    running.meanwhile(|| {
        held.push(states::listening(Family::V4, 1)?);
        Ok(())
    })?;
    let output = running.finish()?.ended(1)?;
    ensure!(output.stderr.contains("cannot write to standard output"), "{output}");
    ensure!(output.stderr.lines().count() == 2, "{output}");
    Ok(())
}

/// One line, with the remedy.
fn without_the_privilege() -> Result<()> {
    let run = Run::new(["events", "--source", "tracepoint"]).without_capabilities();
    let output = run.run()?.ended(1)?;
    ensure!(output.stdout.is_empty() && output.stderr.lines().count() == 1, "{output}");
    ensure!(output.stderr.contains("cap_perfmon"), "{output}");
    // The others need none.
    for source in ["destroy", "poll"] {
        let args = ["events", "--json", "--source", source, "--interval", "50ms"];
        let watch = Watch::of(Run::new(args).without_capabilities())?;
        let told = watch.finish()?;
        ensure!(!told.transitions.is_empty(), "nothing told");
        // Whose the sockets are it cannot see.
        ensure!(told.gaps.iter().all(|gap| gap.what == "owners"), "{:?}", told.gaps);
    }
    Ok(())
}

fn auto_says_which_and_why() -> Result<()> {
    let run = Run::new(["events", "--duration", "100ms"]).without_capabilities();
    let output = run.run()?.ok()?;
    ensure!(output.stderr.lines().count() == 1, "{output}");
    for part in ["socket that ends", "exact transitions are not available: ", "cap_perfmon"] {
        ensure!(output.stderr.contains(part), "no {part:?}: {output}");
    }
    // Without sock_diag there is /proc, and nothing tells of ends.
    let run = Run::new(["events", "--duration", "100ms"]).without_capabilities();
    let output = run.without_netlink(libc::EAFNOSUPPORT).run()?.ok()?;
    ensure!(output.stderr.starts_with("events by snapshots alone: "), "{output}");
    Ok(())
}

fn bad_words() -> Result<()> {
    for args in [
        &["to"][..],
        &["to", "nowhere"],
        &["from", "nowhere"],
        &["sport", "=", "x"],
        &["--interval", "0"],
        &["--interval", "soon"],
        &["--duration", "-1"],
        &["--source", "nothing"],
        &["--summary=never"],
    ] {
        let output = Run::new(["events"].iter().chain(args)).run()?.ended(2)?;
        ensure!(output.stdout.is_empty(), "{output}");
        ensure!(output.stderr.starts_with("sockstate: "), "{output}");
    }
    Ok(())
}

/// Nothing happens, and next to nothing is done.
fn idle_costs_nothing() -> Result<()> {
    for source in ["auto", "destroy", "poll"] {
        let args = ["events", "--source", source];
        let mut running = Run::new(args).start()?;
        running.remark()?;
        // The search for owners that begins with it may take a while: one quiet time is enough.
        let mut used = u64::MAX;
        // A tick is 10 ms, so this is 3 %. The tracepoint tells of what the trials beside this do,
        // which is work; a loop that never sleeps would use 300.
        let most = if source == "auto" { 100 } else { 9 };
        for _ in 0..5 {
            let before = ticks(running.pid())?;
            std::thread::sleep(Duration::from_secs(3));
            used = used.min(ticks(running.pid())? - before);
            if used <= most {
                break;
            }
        }
        ensure!(used <= most, "{source}: {used} ticks in 3 s");
        running.signal(Signal::INT)?;
        running.finish()?.ended(130)?;
    }
    Ok(())
}

/// User and system time of a process.
fn ticks(pid: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("no name")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
}
