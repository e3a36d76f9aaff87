//! Are all holders of a socket named, and are their names harmless to look at?

use std::os::fd::AsRawFd;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::kit::holder::{Holder, NASTY_COMM};
use crate::kit::run::Run;
use crate::kit::states::{self, Family, Held, Unread};
use crate::kit::{Check, Result, Trial, ask, trial};

/// [`NASTY_COMM`] as it must be shown.
const NASTY_SHOWN: &str = r"\x1b[31m)\x0a(R 7\x07";

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 3] = [
        ("every_holder", every_holder),
        ("nasty_name_in_text", nasty_name_in_text),
        ("only_with_p", only_with_p),
    ];
    let of_check = |(name, check)| trial(format!("owners::{name}"), check);
    checks.map(of_check).into()
}

/// A CLOSE_WAIT socket that this process has and another one, of a nasty name, as well.
fn shared() -> Result<(Held, Holder, i32)> {
    let held = states::close_wait(Family::V4, Unread::Eof)?;
    let copy = held.subject.as_ref().context("not open")?.try_clone()?;
    let fd = copy.as_raw_fd();
    let holder = Holder::new(NASTY_COMM, [copy])?;
    Ok((held, holder, fd))
}

/// Not the last one found, not the first: all of them.
fn every_holder() -> Result<()> {
    let (held, holder, copy) = shared()?;
    for args in [&["-p", "state", "close-wait"][..], &["-p", "-t", "--source", "proc"]] {
        let rows = ask::sockets(args)?;
        let row = ask::only(&rows, |row| ask::is_between(row, held.local, held.remote))?;
        let processes = ask::array(row, "processes")?;
        let of = |pid: u32| ask::only(processes, move |process| process["pid"] == pid);
        ensure!(of(std::process::id())?["fd"] == held.fd().context("not open")?, "{row}");
        let other = of(holder.pid())?;
        ensure!(other["fd"] == copy && other["comm"] == NASTY_SHOWN, "{row}");
    }
    Ok(())
}

/// What somebody calls his process neither repaints the terminal nor fakes a row.
fn nasty_name_in_text() -> Result<()> {
    let (_held, holder, copy) = shared()?;
    let shown = format!("{NASTY_SHOWN}[{}]", holder.pid());
    let commands: [(&[&str], String); 3] = [
        (&["list", "-p", "state", "close-wait"], format!("{shown}:{copy}")),
        (&["count", "--by", "process", "state", "close-wait"], shown.clone()),
        (&["status"], shown),
    ];
    for (args, wanted) in commands {
        let output = Run::new(args).run()?.ok()?;
        let lines: Vec<&str> = output.stdout.lines().filter(|l| l.contains(&wanted)).collect();
        ensure!(!lines.is_empty(), "no {wanted} in {args:?} {output}");
        ensure!(!output.stdout.contains(['\x1b', '\x07']), "{args:?} {output}");
        ensure!(!output.stdout.contains("\n(R 7"), "{args:?} {output}");
    }
    Ok(())
}

/// Nobody looks through all processes unasked.
fn only_with_p() -> Result<()> {
    let _held = states::established(Family::V4)?;
    let rows = ask::sockets(&["-ta"])?;
    let said = |row: &Value| row.get("processes").is_some();
    ensure!(!rows.is_empty() && !rows.iter().any(said), "{rows:?}");
    Ok(())
}
