//! Signals that ask the program to end while it waits for something else, and numbers at their
//! limits.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, test_kill_process};

use crate::kit::run::Run;
use crate::kit::tempdir::TempDir;
use crate::kit::{Result, Trial, poll, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("signals::second_one_ends_commands_too", second_one_ends_commands_too),
        trial("signals::heeded_while_a_file_is_read", heeded_while_a_file_is_read),
        trial("numbers::at_their_limits", numbers_at_their_limits),
    ]
}

/// A command of --notify, and what it has started, do not outlive the program that limits them.
fn second_one_ends_commands_too() -> Result<()> {
    let dir = TempDir::new()?;
    let file = |name: &str, text: String| -> Result<String> {
        let path = dir.path().join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path.to_str().context("a path")?.to_owned())
    };
    let rules = "[[rule]]\nid = \"always\"\nwhen = \"count(sport 1) >= 0\"\n";
    let rules = file("rules.toml", rules.to_owned())?;
    let told = dir.path().join("pids");
    let text = format!(
        "#!/bin/sh\nsleep 600 &\necho $$ $! >{0}.new\nmv {0}.new {0}\nwait\n",
        told.display()
    );
    let script = file("notify", text)?;
    let args = ["watch", "--plain", "--interval", "100ms", "--rules", &rules, "--notify", &script];
    let running = Run::new(args).start()?;
    let pids = poll("the command runs", || Ok(fs::read_to_string(&told).ok()))?;
    let pids: Vec<i32> = pids.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    ensure!(pids.len() == 2, "{pids:?}");
    running.signal(Signal::INT)?;
    // It waits for the command now; a signal at the same moment would be taken for the first.
    std::thread::sleep(Duration::from_millis(200));
    running.signal(Signal::INT)?;
    let output = running.finish()?;
    ensure!(output.code() == Some(130), "{output}");
    for pid in pids {
        let pid = Pid::from_raw(pid).context("a process")?;
        poll("it has ended", || Ok(is_gone(pid).then_some(())))?;
    }
    Ok(())
}

/// Gone, or dead and not waited for yet by whoever adopted it.
fn is_gone(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    test_kill_process(pid).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}

/// Nothing comes on its standard input, and it has handlers for the signals.
fn heeded_while_a_file_is_read() -> Result<()> {
    let args = ["list", "-ta", "--interval", "1s", "--from", "-"];
    let running = Run::new(args).stdin(Stdio::piped()).start()?;
    let status = format!("/proc/{}/status", running.pid());
    poll("it catches SIGTERM", || {
        let status = fs::read_to_string(&status)?;
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.context("a line")?.trim(), 16)?;
        Ok((caught & 1 << 14 != 0).then_some(()))
    })?;
    running.signal(Signal::TERM)?;
    let output = running.finish()?;
    ensure!(output.code() == Some(143), "{output}");
    Ok(())
}

/// The largest numbers that can be written, where they are multiplied and added.
fn numbers_at_their_limits() -> Result<()> {
    let most = u64::MAX;
    let dir = TempDir::new()?;
    let rules = dir.path().join("rules.toml");
    let text = format!(
        "[close-wait-leak]\nlimit_percent = {most}\nmin_count = {most}\n\
         [[rule]]\nid = \"a\"\nwhen = \"count(sport 1) > {most}\"\n\
         [port-exhaustion]\nwarn_percent = {most}\n[send-queue-stuck]\nage = \"{most}ms\"\n"
    );
    fs::write(&rules, text)?;
    let rules = rules.to_str().context("a path")?;
    let max = format!("close-wait={most}");
    for args in [
        &["check", "--max", &max][..],
        &["check", "--rules", rules],
        &["check", "--rules", rules, "--for", "20ms", "--interval", "18446744073709551615ms"],
        &["watch", "--plain", "--for", "50ms", "--rules", rules],
    ] {
        let output = Run::new(args).run()?;
        ensure!(!output.stderr.contains("panicked"), "{output}");
        ensure!(output.code().is_some_and(|code| code <= 3), "{output}");
    }
    Ok(())
}
