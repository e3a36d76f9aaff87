//! Tables that are damaged, missing or unreadable: what can be read is shown, the rest is named.

use std::fs;

use anyhow::ensure;

use super::population::machine;
use super::transcript::Transcript;
use crate::kit::fakeproc::{FakeProc, Line};
use crate::kit::run::Run;
use crate::kit::{Result, Trial, plain_trial};

/// A name, and what is done to a machine under it.
type Case = (&'static str, fn(&FakeProc) -> Result<()>);

const COMMANDS: [&str; 5] = ["list -a", "count -tux", "listeners -tx", "status", "list -a --json"];

/// Lines of which none is a row. The kernel writes no such thing; a broken emulation may.
const GARBAGE: &[&[u8]] = &[
    b"",
    b"not a row at all",
    b"\xff\xfe\xfd no UTF-8 either",
    b"   1: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0",
    b"   2: 0100007F:0016 00000000:0000 ZZ 00000000:00000000 00:00000000 00000000     0        0 9 1 0",
    b"   3: 0100007F0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9 1 0",
    b"   4: 0100007F:99999 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9 1 0",
];

pub fn trials() -> Vec<Trial> {
    let cases: [Case; 5] = [
        ("garbage", garbage),
        ("missing-tables", missing_tables),
        ("unreadable-table", unreadable_table),
        ("empty-tables", empty_tables),
        ("unknown-numbers", unknown_numbers),
    ];
    let of_case = |(name, damage): Case| {
        plain_trial(format!("malformed::{name}"), move || transcript(name, damage))
    };
    let mut trials: Vec<Trial> = cases.map(of_case).into();
    trials.push(plain_trial("malformed::nothing_readable", nothing_readable));
    trials.push(plain_trial("malformed::odd_processes", odd_processes));
    trials
}

fn transcript(name: &str, damage: fn(&FakeProc) -> Result<()>) -> Result<()> {
    let proc = machine()?;
    damage(&proc)?;
    let mut transcript = Transcript::default();
    for command in COMMANDS {
        let args: Vec<&str> = command.split_whitespace().collect();
        transcript.run_with(&proc, &args)?;
    }
    transcript.check(name)
}

/// Puts garbage between the rows of a table.
fn garbage(proc: &FakeProc) -> Result<()> {
    for table in ["tcp", "udp6", "unix"] {
        let path = proc.path(&format!("net/{table}"));
        let text = fs::read(&path)?;
        let mut damaged = Vec::new();
        for (number, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
            damaged.extend_from_slice(line);
            if let Some(garbage) = GARBAGE.get(number) {
                damaged.extend_from_slice(garbage);
                damaged.push(b'\n');
            }
        }
        fs::write(path, damaged)?;
    }
    Ok(())
}

/// As on a machine without IPv6, and with a kernel that was built without unix sockets.
fn missing_tables(proc: &FakeProc) -> Result<()> {
    for table in ["tcp6", "udp6", "raw6", "unix"] {
        fs::remove_file(proc.path(&format!("net/{table}")))?;
    }
    Ok(())
}

/// A directory where a file should be is unreadable for root, too.
fn unreadable_table(proc: &FakeProc) -> Result<()> {
    for table in ["tcp", "unix"] {
        fs::remove_file(proc.path(&format!("net/{table}")))?;
        fs::create_dir(proc.path(&format!("net/{table}")))?;
    }
    Ok(())
}

/// Not even a head line.
fn empty_tables(proc: &FakeProc) -> Result<()> {
    for table in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6", "unix"] {
        proc.write(&format!("net/{table}"), "")?;
    }
    Ok(())
}

/// States and timers of a kernel after ours keep their numbers.
fn unknown_numbers(proc: &FakeProc) -> Result<()> {
    let row = Line::new("10.0.0.5:1", "10.0.0.6:2", 14, 900)?;
    let timer = Line::new("10.0.0.5:3", "10.0.0.6:4", 1, 901)?;
    let old = fs::read_to_string(proc.path("net/tcp"))?;
    proc.write("net/tcp", old + &row.text() + &Line { timer: (9, 5), ..timer }.text())?;
    Ok(())
}

/// Without a single table there is no answer: status 1, and one line that says why.
fn nothing_readable() -> Result<()> {
    let proc = FakeProc::new()?;
    for command in ["list -t", "count", "listeners", "status", "list -t --json"] {
        let root = proc.root();
        let place = ["--source", "proc", "--proc-root", root.as_str()];
        let output = Run::new(command.split(' ').chain(place)).run()?.ended(1)?;
        ensure!(output.stdout.is_empty(), "{command}: half an answer {output}");
        ensure!(output.stderr.lines().count() == 1, "{command}: {output}");
        ensure!(
            output.stderr.starts_with("sockstate: no socket table could be read: "),
            "{output}"
        );
    }
    Ok(())
}

/// Processes that vanish midway, links that are no sockets, a name that is no UTF-8.
fn odd_processes() -> Result<()> {
    let proc = machine()?;
    fs::create_dir(proc.path("900"))?;
    proc.process(901, b"\xff\xfe", &[(3, 100)])?;
    fs::remove_file(proc.path("813/comm"))?;
    fs::create_dir(proc.path("not-a-number"))?;
    let mut transcript = Transcript::default();
    transcript.run_with(&proc, &["list", "-tlp"])?;
    transcript.run_with(&proc, &["list", "-p", "state", "close-wait"])?;
    transcript.check("odd-processes")
}
