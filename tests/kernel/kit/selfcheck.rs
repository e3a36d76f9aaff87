//! The trials that prove the kit: each recipe really gives what it promises, by [`procnet`].

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::holder::{Holder, NASTY_COMM};
use super::netns;
use super::procnet::{self, Row, Table};
use super::run::Run;
use super::states::{self, Family, Held, Recipe, Unread, address_of, bind, inode_of};
use super::{Check, CheckOf, Impossible, Result, Trial, listeners, trial, udp, unix};

const FAMILY_CHECKS: &[CheckOf<Family>] = &[
    ("full_accept_queue", full_accept_queue),
    ("reuseport_group", reuseport_group),
    ("udp_unconnected", |family| udp_unread(udp::unconnected, family)),
    ("udp_connected", |family| udp_unread(udp::connected, family)),
    ("udp_with_drops", udp_with_drops),
];

const CHECKS: &[Check] = &[
    ("unix_listener", unix_listener),
    ("unix_connected", unix_connected),
    ("unix_nasty_name", unix_nasty_name),
    ("unix_datagram", unix_datagram),
    ("holder", holder),
    ("netns_is_fresh", netns_is_fresh),
    ("netns_sysctl", netns_sysctl),
    ("netns_without_ipv6", netns_without_ipv6),
    ("run_collects", run_collects),
    ("run_reads_lines", run_reads_lines),
    ("run_kills", run_kills),
    ("run_without_capabilities", run_without_capabilities),
];

/// All trials of the kit.
pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for family in Family::ALL {
        for recipe in states::ALL {
            let name = format!("{}_{}", recipe.name, family.name());
            trials.push(trial(name, move || keeps_promise(recipe, family)));
        }
        for (name, check) in FAMILY_CHECKS {
            let name = format!("{name}_{}", family.name());
            trials.push(trial(name, move || check(family)));
        }
    }
    for (name, check) in CHECKS {
        trials.push(trial(*name, check));
    }
    trials
}

/// A recipe for TCP does what its entry in the list says.
fn keeps_promise(recipe: &Recipe, family: Family) -> Result<()> {
    let held = (recipe.make)(family)?;
    ensure!((held.what, held.state) == (recipe.name, recipe.state), "{held:?}");
    ensure!(held.family == family, "{held:?}");
    let rows = rows_of(&held)?;
    if !recipe.in_proc {
        ensure!(rows.is_empty() && held.row.is_none(), "in the table: {rows:?}");
        return match recipe.name {
            "bound" => port_is_taken(&held),
            _ => is_dead(&held),
        };
    }
    let [row] = rows.as_slice() else {
        anyhow::bail!("{} rows: {rows:?}", rows.len());
    };
    ensure!(row.state_name() == recipe.state, "{row}");
    ensure!((row.inode != 0) == recipe.has_inode, "{row}");
    ensure!(row.inode == held.inode(), "{row}");
    if let (true, Some(subject)) = (recipe.has_inode, &held.subject) {
        ensure!(row.inode == inode_of(subject)?, "{row}");
    }
    ensure!(recipe.recv_q.is_none_or(|length| length == row.rx_queue), "{row}");
    Ok(())
}

/// The rows between the two addresses of a socket.
fn rows_of(held: &Held) -> Result<Vec<Row>> {
    let mut rows = procnet::rows(held.family.tcp())?;
    rows.retain(|row| (row.local, row.remote) == (held.local, held.remote));
    Ok(rows)
}

/// Nobody else can bind what the socket is bound to.
fn port_is_taken(held: &Held) -> Result<()> {
    let other = held.family.tcp_socket()?;
    let error = bind(&other, held.local).err().context("could bind it again")?;
    let error = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
    ensure!(error == Some(libc::EADDRINUSE), "{error:?}");
    Ok(())
}

/// The socket is open and was reset.
fn is_dead(held: &Held) -> Result<()> {
    let subject = held.subject.as_ref().context("not open")?;
    let error = subject.take_error()?.and_then(|error| error.raw_os_error());
    ensure!(error == Some(libc::ECONNRESET), "{error:?}");
    Ok(())
}

fn full_accept_queue(family: Family) -> Result<()> {
    let full = listeners::full_accept_queue(family, 3, 2)?;
    ensure!(full.limit == 3 && full.row.rx_queue == 4, "{}", full.row);
    let rows = procnet::rows(family.tcp())?;
    let waiting: BTreeSet<_> = rows
        .iter()
        .filter(|row| row.local.port() == full.local.port() && row.state_name() == "ESTABLISHED")
        .map(|row| (row.remote, row.inode))
        .collect();
    ensure!(waiting == full.waiting.iter().map(|&client| (client, 0)).collect(), "{rows:?}");
    let blocked: BTreeSet<_> = procnet::rows(family.of_peer().tcp())?
        .iter()
        .filter(|row| row.state_name() == "SYN_SENT")
        .map(|row| row.local)
        .collect();
    ensure!(blocked.len() == 2, "{blocked:?}");
    ensure!(blocked == full.blocked.iter().copied().collect(), "{blocked:?}");
    Ok(())
}

fn reuseport_group(family: Family) -> Result<()> {
    let group = listeners::reuseport_group(family, 3)?;
    let rows = procnet::rows(family.tcp())?;
    let inodes: BTreeSet<u64> = rows.iter().map(|row| row.inode).collect();
    let own: BTreeSet<u64> = group.iter().map(inode_of).collect::<Result<_>>()?;
    ensure!(rows.len() == 3 && inodes == own, "{rows:?}");
    let address = address_of(&group[0])?;
    ensure!(rows.iter().all(|row| row.local == address && row.state == 10), "{rows:?}");
    Ok(())
}

fn udp_unread(make: fn(Family, usize) -> Result<Held>, family: Family) -> Result<()> {
    let empty = make(family, 0)?;
    let full = make(family, 3)?;
    for (held, is_full) in [(&empty, false), (&full, true)] {
        let row = udp_row(held)?;
        ensure!(row.state_name() == held.state && (row.rx_queue > 0) == is_full, "{row}");
        ensure!((row.local, row.remote) == (held.local, held.remote), "{row}");
        ensure!((row.remote.port() != 0) == (held.state == "ESTABLISHED"), "{row}");
    }
    Ok(())
}

fn udp_with_drops(family: Family) -> Result<()> {
    let row = udp_row(&udp::with_drops(family)?)?;
    ensure!(row.rx_queue > 0 && row.drops > Some(0), "{row:?}");
    Ok(())
}

/// The row of a UDP socket, read anew.
fn udp_row(held: &Held) -> Result<Row> {
    let inode = inode_of(held.subject.as_ref().context("not open")?)?;
    let rows = procnet::rows(held.family.udp())?;
    rows.into_iter().find(|row| row.inode == inode).context("no row")
}

fn unix_listener() -> Result<()> {
    let held = unix::listener(2, 3)?;
    ensure!((held.pending, held.peers.len()) == (3, 3), "{held:?}");
    ensure!(unix::listener(2, 4).is_err(), "a fourth client in a queue for three");
    Ok(())
}

fn unix_connected() -> Result<()> {
    let held = unix::connected()?;
    let rows = procnet::unix_rows()?;
    let ends = [Some(held.inode), held.peer_inode];
    let connected = rows.iter().filter(|row| ends.contains(&Some(row.inode)) && row.state == 3);
    ensure!(connected.count() == 2, "{rows:?}");
    Ok(())
}

fn unix_nasty_name() -> Result<()> {
    let held = unix::nasty_name()?;
    let rows = procnet::unix_rows()?;
    ensure!(rows.len() == 1, "{rows:?}");
    ensure!(rows[0].name == b"@kit\x1b[31mred\nfake line\x07@end", "{rows:?}");
    ensure!(held.name.len() == unix::NASTY_NAME.len(), "{held:?}");
    Ok(())
}

fn unix_datagram() -> Result<()> {
    let held = unix::datagram()?;
    let rows = procnet::unix_rows()?;
    ensure!(rows.len() == 1 && rows[0].kind == 2 && rows[0].state == 1, "{rows:?}");
    ensure!(rows[0].inode == held.inode, "{rows:?}");
    Ok(())
}

/// Another process of a nasty name holds a CLOSE_WAIT socket, and this one does not any more.
fn holder() -> Result<()> {
    let mut held = states::close_wait(Family::V4, Unread::Eof)?;
    let link = format!("socket:[{}]", held.inode());
    let holder = Holder::new(NASTY_COMM, held.subject.take())?;
    ensure!(holder.comm()? == NASTY_COMM, "{:?}", holder.comm());
    ensure!(holds(&holder.pid().to_string(), &link)?, "the holder has no {link}");
    ensure!(!holds("self", &link)?, "we still have {link}");
    let row = rows_of(&held)?;
    ensure!(row.len() == 1 && row[0].state_name() == "CLOSE_WAIT", "{row:?}");
    drop(holder);
    // The end of its only holder closes the socket; the peer's side of the connection is open, so
    // it hears of it.
    procnet::wait(Table::Tcp, "the peer gets the FIN", |row| {
        row.local == held.remote && row.state_name() == "TIME_WAIT"
    })?;
    Ok(())
}

/// Whether a process has a file descriptor of that description.
fn holds(pid: &str, link: &str) -> Result<bool> {
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // Other trials close their files meanwhile.
        if fs::read_link(entry?.path()).is_ok_and(|target| target.as_os_str() == link) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn netns_is_fresh() -> Result<()> {
    let held = states::listen(Family::V4, 1)?;
    let here = procnet::rows(Table::Tcp)?;
    ensure!(here.len() == 1 && here[0].local == held.local, "{here:?}");
    let elsewhere = netns::in_fresh_netns(|| procnet::rows(Table::Tcp))?;
    ensure!(elsewhere.is_empty(), "{elsewhere:?}");
    Ok(())
}

fn netns_sysctl() -> Result<()> {
    let name = "ipv4/tcp_fin_timeout";
    let elsewhere = netns::read_sysctl(name)?;
    netns::sysctl(name, "7").map_err(|error| Impossible(format!("writing {name}: {error}")))?;
    ensure!(netns::read_sysctl(name)? == "7", "not written");
    let fresh = netns::in_fresh_netns(move || Ok(netns::read_sysctl(name)?))?;
    ensure!(fresh == elsewhere, "{fresh} in another namespace");
    Ok(())
}

/// What cannot be done here is told apart from what went wrong.
fn netns_without_ipv6() -> Result<()> {
    let name = "ipv6/conf/lo/disable_ipv6";
    netns::sysctl(name, "1").map_err(|error| Impossible(format!("writing {name}: {error}")))?;
    let error = states::established(Family::V6).err();
    ensure!(error.context("it worked")?.is::<Impossible>(), "not Impossible");
    states::established(Family::V4)?;
    Ok(())
}

fn run_collects() -> Result<()> {
    let script =
        r#"echo "{\"lc\":\"$LC_ALL\",\"x\":\"$X\",\"user\":\"$USER\"}"; echo err >&2; exit 3"#;
    let output = Run::program("sh", ["-c", script]).env("X", "y").run()?.ended(3)?;
    ensure!(output.stderr == "err\n", "{output}");
    let json = output.json()?;
    ensure!(json == serde_json::json!({"lc": "C", "x": "y", "user": ""}), "{output}");
    // A child sees the sockets of the trial that starts it.
    let held = states::listen(Family::V4, 1)?;
    let table = Run::program("cat", ["/proc/self/net/tcp"]).run()?.ok()?;
    ensure!(table.stdout.contains(&format!(":{:04X} ", held.local.port())), "{table}");
    Ok(())
}

fn run_reads_lines() -> Result<()> {
    let script = "trap 'echo bye; exit 0' INT; echo one; echo two; while :; do sleep 0.01; done";
    let mut running = Run::program("sh", ["-c", script]).start()?;
    ensure!(running.line_where(|line| line == "two")? == "two", "not the line");
    running.signal(rustix::process::Signal::INT)?;
    let output = running.finish()?.ok()?;
    ensure!(output.stdout == "one\ntwo\nbye\n", "{output}");
    Ok(())
}

fn run_kills() -> Result<()> {
    let script = "echo $$; sleep 60 & echo $!; wait";
    let mut running = Run::program("sh", ["-c", script]).start()?;
    let pids = [running.line()?, running.line()?].map(Option::unwrap_or_default);
    running.give(Duration::from_millis(100));
    let error = running.finish().err().context("it ended")?;
    ensure!(format!("{error:#}").contains("did not end in time"), "{error:#}");
    for pid in pids {
        super::poll("the process is gone", || Ok(is_gone(&pid).then_some(())))?;
    }
    Ok(())
}

/// Whether a process is no more, or waits as a zombie for somebody else to take notice.
fn is_gone(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

fn run_without_capabilities() -> Result<()> {
    let status = Run::program("cat", ["/proc/self/status"]).without_capabilities().run()?.ok()?;
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        ensure!(status.stdout.contains(&format!("{set}:\t{:016x}\n", 0)), "{status}");
    }
    // What that is for: to it the sockets of this process belong to somebody unknown.
    let own = format!("/proc/{}/fd/0", std::process::id());
    Run::program("readlink", [&own]).run()?.ok()?;
    Run::program("readlink", [&own]).without_capabilities().run()?.ended(1)?;
    Ok(())
}
