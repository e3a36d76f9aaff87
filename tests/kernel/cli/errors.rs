//! Wrong usage: exit status 2, nothing on stdout, and one line that names what was wrong and what
//! would be right. A filter is shown with carets under the place as well.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, bail, ensure};

use super::transcript::Transcript;
use crate::kit::run::{Output, Run};
use crate::kit::{Result, Trial, plain_trial};

const WRONG: &[&str] = &[
    // Commands.
    "frobnicate",
    "help",
    "lisst",
    "status extra",
    "completions",
    "completions tcsh",
    "completions bash extra",
    // Flags.
    "--frobnicate",
    "-Q",
    "list --frobnicate",
    "list -tZ",
    "list --tipc",
    "list -A",
    "list -A tipc",
    "list -A tcp,!tcp",
    "list -f tipc",
    "list -tK -F /dev/null",
    "count --sort recvq",
    "listeners --by state",
    "--color",
    "--color purple",
    "list --source",
    "list --source telnet",
    "--json=yes",
    "list --proc-root",
    // No JSON there.
    "completions bash --json",
    "man --json",
    "check --print-rules --json",
    "list --columns help --json",
    "--json list --csv",
    "--json list -D /dev/null",
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
    "list --explain-filter --json sport 22",
    "--json list --explain-filter",
    "list --interval 0s",
    "list --interval 1s --count 0",
    "events --interval 0",
    "status --interval 0ms",
    "watch --interval 0.0000000001ms",
    "check --for 5x",
    // Filter expressions.
    "list banana",
    "listeners extra",
    "list dport",
    "list dport = :99999",
    "list sport :80-70",
    "list src 10.0.0.0/33",
    "list src 10.0.0.0/8 and",
    "list ( sport = :80",
    "list sport = :80 )",
    "count not",
    "count recvq > lots",
    "list rtt > 5",
    "list age 10x",
    "list pid nginx",
    "list user no-such-user-anywhere",
    "list sport = :no-such-service",
    "count state listen dst 10.0.0.1 state",
    // What the shell left of a name with a backslash is shown as it is, so that the carets fit.
    "list process a\\*b banana",
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
        ensure!(output.stderr.starts_with("sockstate: "), "{wrong}: {output}");
        is_one_error(&output).with_context(|| wrong.to_owned())?;
    }
    Ok(())
}

/// One line, or four with the filter, carets under a part of it, and what would be right there.
fn is_one_error(output: &Output) -> Result<()> {
    let lines: Vec<&str> = output.stderr.lines().collect();
    ensure!(output.stderr.ends_with('\n'), "{output}");
    if !lines[0].contains("the filter makes no sense") {
        ensure!(lines.len() == 1, "{output}");
        return Ok(());
    }
    let &[_, filter, carets, right] = lines.as_slice() else { bail!("{output}") };
    let under = carets.trim();
    ensure!(!under.is_empty() && under.bytes().all(|byte| byte == b'^'), "{output}");
    // At its end, where something is missing, one caret stands behind it.
    ensure!(filter.starts_with("  ") && carets.len() <= filter.len() + 1, "{output}");
    ensure!(!right.is_empty() && !right.starts_with(' '), "{output}");
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
    const HOSTILE: [&[u8]; 4] = [
        b"\x1b[31mred\nfake: line",
        b"\x1b]0;title\x07\xff\xfe",
        "\u{202e}reversed\u{2028}line".as_bytes(),
        "\u{9b}31m".as_bytes(),
    ];
    for hostile in HOSTILE {
        for args in COMMANDS {
            let args = args.iter().map(OsStr::new).chain([OsStr::from_bytes(hostile)]);
            let output = Run::new(args).run()?.ended(2)?;
            let acts = |c: char| matches!(c, '\u{202e}' | '\u{2028}') || c.is_control();
            ensure!(!output.stderr.contains(|c| c != '\n' && acts(c)), "{output}");
            is_one_error(&output)?;
        }
    }
    Ok(())
}
