//! Help and version, whole. Without a terminal they are wrapped at 100 columns.

use anyhow::ensure;

use super::transcript::Transcript;
use crate::kit::run::Run;
use crate::kit::{Result, Trial, plain_trial};

const COMMANDS: [&str; 5] = ["status", "list", "count", "listeners", "completions"];

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        plain_trial("help::main", || transcript("help", &[&["-h"], &["--help"]])),
        plain_trial("help::version", version),
        plain_trial("help::every_line_fits", every_line_fits),
    ];
    for command in COMMANDS {
        trials.push(plain_trial(format!("help::{command}"), move || {
            let name = format!("help-{command}");
            transcript(&name, &[&[command, "-h"], &[command, "--help"]])
        }));
    }
    trials
}

fn transcript(name: &str, commands: &[&[&str]]) -> Result<()> {
    let mut transcript = Transcript::default();
    for args in commands {
        transcript.run(args)?;
    }
    transcript.check(name)
}

fn version() -> Result<()> {
    let expected = format!("sockstate {}\n", env!("CARGO_PKG_VERSION"));
    for flag in ["--version", "-V"] {
        let output = Run::new([flag]).run()?.ok()?;
        ensure!(output.stdout == expected && output.stderr.is_empty(), "{output}");
    }
    Ok(())
}

/// Each command's help has examples, and is no wider than a terminal of 80 columns where there is
/// one.
fn every_line_fits() -> Result<()> {
    for command in COMMANDS {
        let output = Run::new([command, "--help"]).run_on_terminal(80, 24)?.ok()?;
        let widest = output.stdout.lines().map(|line| line.chars().count()).max();
        ensure!(widest <= Some(80), "{command}: {widest:?} {output}");
        let has_examples = output.stdout.contains(&format!("Examples:\n  sockstate {command}"));
        ensure!(has_examples || matches!(command, "status" | "completions"), "{command}: {output}");
    }
    Ok(())
}
