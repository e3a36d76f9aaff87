//! A full disk and a closed pipe where the answer should go.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;

use anyhow::{Context, ensure};

use super::VIEWS;
use crate::kit::fakeproc::{FakeProc, Line};
use crate::kit::run::Run;
use crate::kit::states::{self, Family};
use crate::kit::{Check, Result, Trial, trial};

/// Everything that writes to stdout.
const OTHERS: [&str; 7] = [
    "list -ta --json",
    "count --json",
    "listeners --json",
    "status --json",
    "--help",
    "--version",
    "completions bash",
];

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 6] = [
        ("full_disk", full_disk),
        ("full_disk_in_the_middle", full_disk_in_the_middle),
        ("closed_pipe", closed_pipe),
        ("head", head),
        ("closed_stdout", closed_stdout),
        ("closed_stdout_and_stderr", closed_stdout_and_stderr),
    ];
    let of_check = |(name, check)| trial(format!("output::{name}"), check);
    checks.map(of_check).into()
}

fn commands() -> impl Iterator<Item = Vec<&'static str>> {
    VIEWS.iter().chain(&OTHERS).map(|command| command.split_whitespace().collect())
}

fn dev_full() -> Result<File> {
    OpenOptions::new().write(true).open("/dev/full").context("/dev/full")
}

/// Exit status 1 and one line that says what cannot be written and why.
fn full_disk() -> Result<()> {
    let _held = states::established(Family::V4)?;
    let wanted =
        "sockstate: cannot write to standard output: No space left on device (os error 28)\n";
    for args in commands() {
        let output = Run::new(&args).stdout(dev_full()?).run()?.ended(1)?;
        ensure!(output.stderr == wanted, "{args:?} {output}");
    }
    Ok(())
}

/// A machine with so many sockets that the answer is written in pieces.
fn big_machine() -> Result<FakeProc> {
    let proc = FakeProc::new()?;
    let mut rows = Vec::new();
    for port in 1..=20_000_u16 {
        let local = SocketAddr::from(([10, 0, 0, 1], port));
        rows.push(Line { local, ..Line::new("10.0.0.1:1", "10.0.0.2:443", 1, port.into())? });
    }
    proc.table("tcp", &rows)?;
    Ok(proc)
}

/// It gives up at the first failure and says it once.
fn full_disk_in_the_middle() -> Result<()> {
    let proc = big_machine()?;
    let root = proc.root();
    let place = ["--source", "proc", "--proc-root", root.as_str()];
    for args in
        [&["list", "-t"][..], &["list", "-t4", "--json"], &["list", "-t4", "--sort", "inode"]]
    {
        let args = args.iter().copied().chain(place);
        let output = Run::new(args).stdout(dev_full()?).run()?.ended(1)?;
        ensure!(output.stderr.lines().count() == 1, "{output}");
    }
    Ok(())
}

/// The reader has gone already: not an error, and not a word.
fn closed_pipe() -> Result<()> {
    let _held = states::established(Family::V4)?;
    for args in commands() {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let output = Run::new(&args).stdout(writer).run()?.ok()?;
        ensure!(output.stderr.is_empty(), "{args:?} {output}");
    }
    Ok(())
}

/// `| head -n 1`: the rest is far more than a pipe takes, so that the writer must notice.
fn head() -> Result<()> {
    let proc = big_machine()?;
    let root = proc.root();
    let script = "{ \"$@\"; echo \"status $?\" >&2; } | head -n 1";
    let program = env!("CARGO_BIN_EXE_sockstate");
    for flag in ["-tn", "-tnp", "-tn4H"] {
        let args = ["-c", script, "sh", program, "list", flag, "--source", "proc"];
        let args = args.into_iter().chain(["--proc-root", &root]);
        let output = Run::program("sh", args).run()?.ok()?;
        ensure!(output.stderr == "status 0\n", "{output}");
        let start = if flag == "-tn4H" { "ESTABLISHED" } else { "STATE" };
        ensure!(output.stdout.starts_with(start), "{output}");
        ensure!(output.stdout.lines().count() == 1, "{output}");
    }
    Ok(())
}

/// Nobody has the answer: that is said, where it can be.
fn closed_stdout() -> Result<()> {
    let script = "exec >&-; \"$@\"";
    let program = env!("CARGO_BIN_EXE_sockstate");
    let output = Run::program("sh", ["-c", script, "sh", program, "status"]).run()?.ended(1)?;
    ensure!(output.stderr.contains("cannot write to standard output"), "{output}");
    // Where it was sent on purpose it has gone where it should.
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    Run::new(["status"]).stdout(null).run()?.ok()?;
    Ok(())
}

/// With nowhere to write nothing can be said; the exit status can.
fn closed_stdout_and_stderr() -> Result<()> {
    let script = "exec 2>&-; exec >&-; \"$@\"";
    let program = env!("CARGO_BIN_EXE_sockstate");
    let of_args =
        [(&["count"][..], 1), (&["status", "--json"], 1), (&["check"], 3), (&["list", "--no"], 2)];
    for (args, code) in of_args {
        let args = ["-c", script, "sh", program].into_iter().chain(args.iter().copied());
        let output = Run::program("sh", args).run()?;
        ensure!(output.code() == Some(code), "{output}");
        ensure!(output.stdout.is_empty() && output.stderr.is_empty(), "{output}");
    }
    Ok(())
}
