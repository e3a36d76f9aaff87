//! Hardly any descriptors, hardly any memory, and signals in the middle.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use crate::kit::run::{Run, Running};
use crate::kit::states::{self, Family};
use crate::kit::{Check, Result, Trial, poll, trial};

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 5] = [
        ("a_watch_that_never_looked", a_watch_that_never_looked),
        ("little_memory", little_memory),
        ("little_memory_of_a_check", little_memory_of_a_check),
        ("signals_end_a_check", signals_end_a_check),
        ("signals_end_ports", signals_end_ports),
    ];
    let of_check = |(name, check)| trial(format!("limits::{name}"), check);
    checks.map(of_check).into()
}

/// The program with a limit of its shell.
fn limited(limit: &str, args: &[&str]) -> Run {
    let script = format!("ulimit {limit}; exec \"$@\"");
    Run::new(args).within("sh", ["-c", &script, "sh"])
}

fn a_watch_that_never_looked() -> Result<()> {
    let args = ["watch", "--plain", "--duration", "300ms", "--interval", "50ms"];
    let output = limited("-n 5", &args).run()?.ended(1)?;
    ensure!(output.stderr.contains("the look failed, trying again: "), "{output}");
    // One that could look ends well.
    limited("-n 50", &args).run()?.ok()?;
    Ok(())
}

/// Whatever the limit is, the program does its work or says in a line why not; below the smallest
/// it is not the program that ends, but the loader.
fn sweep(args: &[&str], failed: i32) -> Result<u32> {
    let mut refused = 0;
    for kibibytes in (8_000..48_000).step_by(2_000).rev() {
        let output = limited(&format!("-v {kibibytes}"), args).run()?;
        ensure!(output.status.signal() != Some(libc::SIGABRT), "{kibibytes}: {output}");
        if output.code() == Some(failed) && output.stderr.contains("out of memory") {
            ensure!(output.stderr.starts_with("sockstate: out of memory: "), "{output}");
            ensure!(output.stderr.lines().count() == 1, "{output}");
            refused += 1;
        }
    }
    Ok(refused)
}

fn little_memory() -> Result<()> {
    let _held = states::established(Family::V4)?;
    let mut refused = 0;
    for args in [&["list", "-tap"][..], &["status", "--json"], &["events", "--duration", "50ms"]] {
        refused += sweep(args, 1)?;
    }
    ensure!(refused > 0, "no limit was small enough");
    Ok(())
}

/// 1 would be WARNING.
fn little_memory_of_a_check() -> Result<()> {
    ensure!(sweep(&["check"], 3)? > 0, "no limit was small enough");
    Ok(())
}

/// Waits until it catches signals.
fn catches(running: &Running) -> Result<()> {
    poll("signals are caught", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid()))?;
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.context("no SigCgt")?.trim(), 16)?;
        Ok((caught & 1 << (libc::SIGTERM - 1) != 0).then_some(()))
    })
}

const SIGNALS: [(Signal, i32); 4] =
    [(Signal::INT, 130), (Signal::QUIT, 131), (Signal::TERM, 143), (Signal::HUP, 129)];

fn ends_by_signals(args: &[&str]) -> Result<()> {
    for (signal, status) in SIGNALS {
        let running = Run::new(args).start()?;
        catches(&running)?;
        // In the middle of its long wait.
        std::thread::sleep(Duration::from_millis(200));
        running.signal(signal)?;
        let output = running.finish()?.ended(status)?;
        // Nothing is said of what was not looked at for long enough.
        ensure!(output.stdout.is_empty(), "{output}");
    }
    Ok(())
}

fn signals_end_a_check() -> Result<()> {
    ends_by_signals(&["check", "--for", "1h", "--interval", "30m"])
}

fn signals_end_ports() -> Result<()> {
    ends_by_signals(&["ports", "--interval", "1h"])
}
