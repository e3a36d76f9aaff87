//! On a terminal: nothing wider than it where text can be wrapped, and a word on what is left out.

use anyhow::ensure;

use super::population::machine;
use super::transcript::Transcript;
use crate::kit::fakeproc::FakeProc;
use crate::kit::run::{Output, Run};
use crate::kit::{Result, Trial, plain_trial};

pub fn trials() -> Vec<Trial> {
    vec![
        plain_trial("screen::status_of_80_columns", status_of_80_columns),
        plain_trial("screen::what_list_leaves_out", what_list_leaves_out),
    ]
}

fn run(proc: &FakeProc, args: &[&str]) -> Result<Output> {
    let root = proc.root();
    let place = ["--color", "never", "--source", "proc", "--proc-root", &root];
    Run::new(args.iter().copied().chain(place)).run_on_terminal(80, 24)?.ok()
}

/// With every limit to show, offenders of long names and rules that cannot judge.
fn status_of_80_columns() -> Result<()> {
    let proc = machine()?;
    for (pid, inode) in [(1_234_567, 202), (1_234_568, 201), (1_234_569, 251)] {
        proc.process(pid, b"\x01\x02\x03\x04\x05\x06longname", &[(3, inode), (4, 103)])?;
    }
    proc.write("sys/net/ipv4/tcp_max_tw_buckets", "2\n")?;
    let output = run(&proc, &["status"])?;
    let lines: Vec<&str> = output.stdout.lines().collect();
    let widest = lines.iter().map(|line| line.chars().count()).max();
    ensure!(widest <= Some(80) && lines.len() <= 23, "{widest:?} {output}");
    let mut transcript = Transcript::default();
    transcript.add(&["status"], &Output { stderr: String::new(), ..output })?;
    transcript.check("status-80x24")
}

/// Only a person at a terminal is told, and only where nothing was asked for.
fn what_list_leaves_out() -> Result<()> {
    let proc = machine()?;
    let note = "not shown: 1 SYN_RECV, 2 TIME_WAIT, 2 LISTEN (-a shows all)\n";
    ensure!(
        run(&proc, &["list", "-t"])?.stderr.ends_with(note),
        "{}",
        run(&proc, &["list", "-t"])?
    );
    for args in [&["list", "-ta"][..], &["list", "-t", "state", "estab"], &["list", "-t", "--json"]]
    {
        ensure!(!run(&proc, args)?.stderr.contains("not shown"), "{args:?}");
    }
    let root = proc.root();
    let piped = Run::new(["list", "-t", "--source", "proc", "--proc-root", &root]).run()?.ok()?;
    ensure!(!piped.stderr.contains("not shown"), "{piped}");
    Ok(())
}
