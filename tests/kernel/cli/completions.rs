//! Completions: there for each shell, and the shell understands them.

use std::fs;

use anyhow::ensure;

use crate::kit::run::Run;
use crate::kit::tempdir::TempDir;
use crate::kit::{Impossible, Result, Trial, plain_trial};

/// A shell, and how it is told to check a script without running it.
const SHELLS: [(&str, &str); 3] = [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")];

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (shell, check) in SHELLS {
        trials.push(plain_trial(format!("completions::{shell}"), move || names_everything(shell)));
        let name = format!("completions::{shell}_understands");
        trials.push(plain_trial(name, move || is_understood(shell, check)));
    }
    trials
}

fn script(shell: &str) -> Result<String> {
    let output = Run::new(["completions", shell]).run()?.ok()?;
    ensure!(output.stderr.is_empty() && output.stdout.ends_with('\n'), "{output}");
    Ok(output.stdout)
}

fn names_everything(shell: &str) -> Result<()> {
    let script = script(shell)?;
    for word in ["listeners", "count", "no-header", "sort", "netlink", "always"] {
        ensure!(script.contains(word), "{word} is missing: {script}");
    }
    Ok(())
}

fn is_understood(shell: &str, check: &str) -> Result<()> {
    let Ok(version) = Run::program(shell, ["-c", "exit"]).run() else {
        return Err(Impossible(format!("no {shell} here")).into());
    };
    version.ok()?;
    let dir = TempDir::new()?;
    let file = dir.path().join("script");
    fs::write(&file, script(shell)?)?;
    let output = Run::program(shell, [check.as_ref(), file.as_os_str()]).run()?.ok()?;
    ensure!(output.stdout.is_empty() && output.stderr.is_empty(), "{output}");
    Ok(())
}
