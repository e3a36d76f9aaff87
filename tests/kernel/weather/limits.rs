//! Hardly any descriptors, and signals in the middle.

use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use crate::kit::run::{Run, Running};
use crate::kit::{Check, Result, Trial, poll, trial};

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 3] = [
        ("a_watch_that_never_looked", a_watch_that_never_looked),
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
