//! Recorded dumps: written, read back, damaged.

use std::fs;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{rows, text};
use crate::kit::run::Run;
use crate::kit::states::{self, By, Family, Unread};
use crate::kit::tempdir::TempDir;
use crate::kit::{Check, Impossible, Result, poll, udp};

pub const CHECKS: &[Check] = &[
    ("comes_back_and_ss_reads_it", dump),
    ("damaged_at_every_offset", damaged_dump),
    ("refuses_what_it_cannot_hold", dump_refusals),
];

/// Columns that are the same at any moment.
const STEADY: &str =
    "proto,family,state,recvq,sendq,local,remote,uid,inode,cookie,ifindex,mark,standing";

fn steady(words: &[&str]) -> Result<Vec<String>> {
    let mut lines = text(&[&["-H", "--csv", "--columns", STEADY], words].concat())?;
    lines.sort();
    Ok(lines)
}

fn dump() -> Result<()> {
    let mut held = Vec::new();
    for family in Family::ALL {
        held.push(states::established(family)?);
        held.push(states::close_wait(family, Unread::Bytes(3))?);
        held.push(states::time_wait(family, By::Close)?);
        held.push(states::syn_recv(family)?);
    }
    // An acknowledgement that is delayed moves them on while this looks.
    poll("no FIN_WAIT1", || Ok(steady(&["-t", "state fin-wait-1"])?.is_empty().then_some(())))?;
    let directory = TempDir::new()?;
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let (ours, theirs) = (path("ours"), path("theirs"));

    let recorded = Run::new(["list", "-t", "-a", "-i", "-m", "-D", &ours]).run()?.ok()?;
    ensure!(recorded.stdout.is_empty() && recorded.stderr.is_empty(), "{recorded}");
    let live = steady(&["-t", "-a"])?;
    ensure!(live.len() > 20, "{live:?}");
    let read = steady(&["--from", &ours])?;
    ensure!(read == live, "live {live:#?}\nread {read:#?}");
    let document = Run::new(["list", "--from", &ours, "-i", "-m", "--json"]).run()?.ok()?.json()?;
    ensure!(document["source"] == "file" && document["gaps"] == Value::Array(Vec::new()));
    let with_info = document["sockets"].as_array().context("sockets")?.iter();
    ensure!(with_info.filter(|row| row["tcp_info"].is_object()).count() >= 9, "tcp_info is kept");
    let some = steady(&["--from", &ours, "state close-wait or sport < 1"])?;
    ensure!(some.len() == 3 && some.iter().all(|line| line.contains("CLOSE_WAIT")), "{some:?}");
    ensure!(steady(&["--from", &ours, "-6"])?.len() < live.len());

    // ss stops at the end of the first of our two dumps, IPv4.
    let ss = Run::program("ss", ["-t", "-a", "-n", "-H"]).env("TCPDIAG_FILE", &ours).run();
    let ss = ss.map_err(|error| Impossible(format!("ss: {error:#}")))?.ok()?;
    let v4 = live.iter().filter(|line| line.starts_with("tcp,inet,")).count();
    ensure!(ss.stdout.lines().count() == v4, "{ss}\n{live:#?}");
    Run::program("ss", ["-t", "-a", "-n", "-D", &theirs]).run()?.ok()?;
    // ss before 6.8 does not ask for bound sockets.
    let without_bound: Vec<_> = live.into_iter().filter(|line| !line.contains(",BOUND,")).collect();
    let read = steady(&["--from", &theirs, "exclude bound"])?;
    ensure!(read == without_bound, "live {without_bound:#?}\nof ss {read:#?}");

    // What only we can decide is in the dump all the same, and that is said.
    let filtered = Run::new(["list", "-t", "-D", &ours, "process nobody"]).run()?.ok()?;
    ensure!(
        filtered.stderr
            == "the dump holds more than the filter selects: give --from the same filter\n"
    );
    let nowhere = path("missing/dump");
    let unwritable = Run::new(["list", "-t", "-D", &nowhere]).run()?.ended(1)?;
    ensure!(unwritable.stderr.starts_with(&format!("sockstate: cannot write {nowhere}: ")));
    let unreadable = Run::new(["list", "--from", &nowhere]).run()?.ended(1)?;
    ensure!(unreadable.stderr.starts_with(&format!("sockstate: cannot read {nowhere}: ")));
    Ok(())
}

fn damaged_dump() -> Result<()> {
    let _held = states::established(Family::V4)?;
    let directory = TempDir::new()?;
    let file = directory.path().join("dump");
    let name = file.to_str().context("UTF-8")?;
    Run::new(["list", "-t", "-a", "-4", "-D", name]).run()?.ok()?;
    let whole = fs::read(&file)?;
    let all = steady(&["--from", name])?;
    ensure!(all.len() >= 3 && whole.len() < 2000, "{} bytes", whole.len());
    // Where each message begins.
    let mut starts = vec![0];
    while let Some(&at) = starts.last().filter(|at| **at < whole.len()) {
        let len = u32::from_ne_bytes(whole[at..at + 4].try_into()?) as usize;
        starts.push(at + len.next_multiple_of(4));
    }
    ensure!(starts.last() == Some(&whole.len()), "{starts:?}");
    for len in 0..whole.len() {
        fs::write(&file, &whole[..len])?;
        let words = ["list", "-H", "--csv", "--columns", STEADY, "--from", name];
        let output = Run::new(words).run()?;
        // Rows that are whole are shown; the padding of the last one matters to nobody.
        let complete = starts.iter().filter(|start| **start <= len).count() - 1;
        let mut shown: Vec<&str> = output.stdout.lines().collect();
        shown.sort_unstable();
        ensure!(shown.iter().all(|line| all.iter().any(|row| row == line)), "{len}\n{output}");
        ensure!(shown.len() == complete.min(all.len()), "{len}: {complete} rows\n{output}");
        let at = starts[complete];
        let said = match len - at {
            // Whole messages, but not the one that ends the dump.
            0 => format!("dump: the file ends at offset {at}, before its dump does\n"),
            1 => format!("dump: 1 byte is lost: the file is damaged at offset {at}\n"),
            lost => format!("dump: {lost} bytes are lost: the file is damaged at offset {at}\n"),
        };
        ensure!(output.code() == Some(1) && output.stderr == said, "{len}: {said}\n{output}");
    }
    // Rubbish in the middle.
    let mut rubbish = whole.clone();
    rubbish[starts[1]..starts[1] + 4].fill(0xff);
    fs::write(&file, &rubbish)?;
    let output = Run::new(["list", "--from", name, "--json"]).run()?.ended(1)?;
    let document = output.json()?;
    ensure!(document["sockets"].as_array().context("sockets")?.len() == 1, "{output}");
    let reason = document["gaps"][0]["reason"].as_str().unwrap_or_default();
    ensure!(reason.ends_with(&format!("damaged at offset {}", starts[1])), "{output}");
    Ok(())
}

fn dump_refusals() -> Result<()> {
    let directory = TempDir::new()?;
    let file = directory.path().join("dump");
    let name = file.to_str().context("UTF-8")?;
    for flags in [&["-t", "-u"][..], &["-x"], &["-t", "-x"], &["--netlink"]] {
        let output = Run::new(["list", "-D", name].iter().chain(flags)).run()?.ended(2)?;
        ensure!(
            output.stderr.starts_with("sockstate: --dump records one internet protocol: "),
            "{output}"
        );
        ensure!(!file.exists(), "{flags:?}");
    }
    // UDP alone comes back when it is asked for.
    let held = udp::unconnected(Family::V4, 0)?;
    Run::new(["list", "-u", "-a", "-D", name]).run()?.ok()?;
    let read = rows(&["--from", name, "-u"])?;
    ensure!(
        read.iter().any(|row| row["proto"] == "udp" && row["inode"] == held.inode()),
        "{read:?}"
    );
    Ok(())
}
