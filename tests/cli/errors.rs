//! Wrong usage: exit status 2, nothing on stdout, and one line that names what was wrong and what
//! would be right.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use anyhow::ensure;
use libtest_mimic::Trial;

use crate::kit::run::Run;
use crate::kit::{Result, plain_trial};
use crate::transcript::Transcript;

const WRONG: &[&str] = &[
    // Commands.
    "frobnicate",
    "help",
    "lisst",
    "status extra",
    "listeners extra",
    "completions",
    "completions tcsh",
    "completions bash extra",
    // Flags.
    "--frobnicate",
    "-Q",
    "list --frobnicate",
    "list -tQ",
    "count --sort recvq",
    "listeners --by state",
    "--color",
    "--color purple",
    "list --source",
    "list --source telnet",
    "--json=yes",
    "list --proc-root",
    // States.
    "list state",
    "list state banana",
    "list exclude",
    "list exclude banana",
    "list state close-wait banana",
    "count state all exclude all",
    "list state estab exclude estab",
    // Keys and fields.
    "count --by",
    "count --by banana",
    "count --by state,banana",
    "count --by state,",
    "list --sort",
    "list --sort banana",
    "list --sort -banana",
    "list --sort --",
    // Numbers.
    "list --limit",
    "list --limit ten",
    "list --limit -1",
    "list --limit 1.5",
    "list --limit 99999999999999999999",
    // Filter expressions are another issue.
    "list dport = :443",
    "list src 10.0.0.0/8",
    "list ( sport = :80 )",
    "count not dst 10.0.0.1",
    // Nothing to look at.
    "listeners -u",
    "listeners -w",
];

pub fn trials() -> Vec<Trial> {
    vec![
        plain_trial("errors::transcript", transcript),
        plain_trial("errors::one_line_and_status_2", one_line),
        plain_trial("errors::with_hostile_bytes", hostile_bytes),
    ]
}

fn transcript() -> Result<()> {
    let mut transcript = Transcript::default();
    for wrong in WRONG {
        let args: Vec<&str> = wrong.split(' ').collect();
        transcript.run(&args)?;
    }
    transcript.check("errors")
}

fn one_line() -> Result<()> {
    for wrong in WRONG {
        let output = Run::new(wrong.split(' ')).run()?.ended(2)?;
        ensure!(output.stdout.is_empty(), "{wrong}: {output}");
        let is_one_line = output.stderr.lines().count() == 1 && output.stderr.ends_with('\n');
        ensure!(is_one_line && output.stderr.starts_with("sockstate: "), "{wrong}: {output}");
    }
    Ok(())
}

/// What is quoted in an error cannot repaint the terminal, nor add a line.
fn hostile_bytes() -> Result<()> {
    const COMMANDS: [&[&str]; 7] = [
        &["list", "state"],
        &["count", "--by"],
        &["list", "--sort"],
        &["list", "--limit"],
        &["list", "--source"],
        &["list"],
        &[],
    ];
    for hostile in [&b"\x1b[31mred\nfake: line"[..], b"\x1b]0;title\x07\xff\xfe"] {
        for args in COMMANDS {
            let args = args.iter().map(OsStr::new).chain([OsStr::from_bytes(hostile)]);
            let output = Run::new(args).run()?.ended(2)?;
            ensure!(!output.stderr.contains(['\x1b', '\x07']), "{output}");
            ensure!(output.stderr.lines().count() == 1, "{output}");
        }
    }
    Ok(())
}
