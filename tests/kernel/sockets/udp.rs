//! UDP sockets: connected or not, what nobody reads, what was dropped.

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::kit::run::Run;
use crate::kit::states::{Family, Held, inode_of};
use crate::kit::{Result, Trial, ask, procnet, trial, udp};

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for family in Family::ALL {
        for source in ["netlink", "proc"] {
            let name = |what: &str| format!("udp::{what}_{}_{source}", family.name());
            trials.push(trial(name("unconnected"), move || {
                reads_back(udp::unconnected, family, source)
            }));
            trials
                .push(trial(name("connected"), move || reads_back(udp::connected, family, source)));
        }
        let name = format!("udp::drops_{}", family.name());
        trials.push(trial(name, move || drops(family)));
    }
    trials.push(trial("udp::in_the_default_list", in_the_default_list));
    trials
}

fn find<'r>(rows: &'r [Value], held: &Held) -> Result<&'r Value> {
    ask::only(rows, |row| ask::is_between(row, held.local, held.remote))
}

/// One socket with nothing to read, and one with three datagrams.
fn reads_back(make: fn(Family, usize) -> Result<Held>, family: Family, source: &str) -> Result<()> {
    for unread in [0, 3] {
        let held = make(family, unread)?;
        let rows = ask::sockets(&["-uap", "--source", source])?;
        let row = find(&rows, &held)?;
        let table = held.row.as_ref().context("no row")?;
        ensure!(row["proto"] == "udp" && row["state"] == held.state, "{row}");
        ensure!(row["recv_q"] == table.rx_queue, "{row} {table:?}");
        ensure!((table.rx_queue > 0) == (unread > 0) && row["send_q"] == 0, "{row}");
        let talks_v4 = family == Family::Mapped && held.state == "ESTABLISHED";
        ensure!((row["v4_mapped"] == true) == talks_v4, "{row}");
        let subject = held.subject.as_ref().context("not open")?;
        ensure!(row["inode"] == inode_of(subject)?, "{row}");
        let own = |process: &Value| process["pid"] == std::process::id();
        ensure!(
            ask::only(ask::array(row, "processes")?, own)?["fd"] == held.fd().unwrap_or(-1),
            "{row}"
        );
        let cookie = (source == "netlink").then(|| format!("{:#x}", subject.cookie().unwrap_or(0)));
        ensure!(row["cookie"].as_str() == cookie.as_deref(), "{row}");
        ensure!(row.get("timer").is_none() && row.get("age_ms").is_none(), "{row}");
    }
    Ok(())
}

/// The kernel's two tables agree on how many datagrams were lost, and so do we.
fn drops(family: Family) -> Result<()> {
    let held = udp::with_drops(family)?;
    let whole = udp::unconnected(family, 1)?;
    let dropped = procnet::wait(family.udp(), "drops", |row| row.drops > Some(0))?.drops;
    let rows = ask::sockets(&["-uam", "--sort", "-drops"])?;
    let row = find(&rows, &held)?;
    ensure!(row["memory"]["drops"].as_u64() == dropped, "{row} {dropped:?}");
    ensure!(row == &rows[0], "not the first: {rows:?}");
    ensure!(find(&rows, &whole)?["memory"]["drops"] == 0, "{rows:?}");
    let by_proc = ask::sockets(&["-ua", "--sort", "-drops", "--source", "proc"])?;
    ensure!(find(&by_proc, &held)? == &by_proc[0], "{by_proc:?}");
    Ok(())
}

/// As with `ss`: connected ones unasked, the others with `-a` or `-l`.
fn in_the_default_list() -> Result<()> {
    let _unconnected = udp::unconnected(Family::V4, 0)?;
    let lines = |args: &[&str]| -> Result<(usize, usize)> {
        let text = Run::new(args).run()?.ok()?.stdout;
        let of = |state| text.lines().filter(|line| line.starts_with(state)).count();
        Ok((of("CLOSE"), of("ESTABLISHED")))
    };
    // The sender of the recipe is connected.
    ensure!(lines(&["list", "-u"])? == (0, 1), "{:?}", lines(&["list", "-u"])?);
    ensure!(lines(&["list", "-ul"])? == (1, 0), "{:?}", lines(&["list", "-ul"])?);
    ensure!(lines(&["list", "-ua"])? == (1, 1), "{:?}", lines(&["list", "-ua"])?);
    Ok(())
}
