//! Is the time in a state right where it is shown, and absent where one look cannot prove it?
//!
//! The truth is what this test measures around the moment in which it changes a state: an
//! interval, which a slow machine makes longer and never wrong.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::kit::procnet;
use crate::kit::states::{self, By, Conn, Family, Held};
use crate::kit::{CheckOf, Impossible, Result, Trial, ask, trial};

/// The kernel counts in jiffies, the largest of which take 10 ms; twice that, and some more.
const SLACK: Duration = Duration::from_millis(50);

/// How long a state lasts before we look: long against [`SLACK`].
const WHILE: Duration = Duration::from_millis(400);

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for family in Family::ALL {
        let checks: [CheckOf<Family>; 5] = [
            ("close_wait", close_wait),
            ("syn_sent", syn_sent),
            ("time_wait", time_wait),
            ("unaccepted", unaccepted),
            ("no_age_elsewhere", no_age_elsewhere),
        ];
        for (name, check) in checks {
            let name = format!("ages::{name}_{}", family.name());
            trials.push(trial(name, move || check(family)));
        }
    }
    trials
}

/// A moment, between two looks at the clock.
struct Moment {
    before: Instant,
    after: Instant,
}

impl Moment {
    fn of<T>(act: impl FnOnce() -> Result<T>) -> Result<(Moment, T)> {
        let before = Instant::now();
        let result = act()?;
        Ok((Moment { before, after: Instant::now() }, result))
    }

    /// Fails unless `ms` is how long before `look` this was.
    fn was_ago(&self, ms: &Value, look: &Moment) -> Result<()> {
        let least = (look.before - self.after).saturating_sub(SLACK);
        let most = look.after - self.before + SLACK;
        let ms = Duration::from_millis(ms.as_u64().context("no number of milliseconds")?);
        ensure!((least..=most).contains(&ms), "{ms:?} is not in {least:?}..{most:?}");
        Ok(())
    }
}

/// Looks at one socket.
fn look(args: &[&str], held: &Held) -> Result<(Moment, Value)> {
    let (moment, rows) = Moment::of(|| ask::sockets(args))?;
    let row = ask::only(&rows, |row| ask::is_between(row, held.local, held.remote))?;
    Ok((moment, row.clone()))
}

/// The lower bound is the time since the FIN, the upper one the time since the last data.
fn close_wait(family: Family) -> Result<()> {
    let mut conn = Conn::accepted(family)?;
    let (data, ()) = Moment::of(|| {
        conn.client()?.send(b"hello")?;
        conn.wait_with("ESTABLISHED", |row| row.rx_queue == 5)?;
        Ok(())
    })?;
    thread::sleep(WHILE);
    let (fin, ()) = Moment::of(|| {
        conn.end_client(By::Shutdown)?;
        conn.wait("CLOSE_WAIT")?;
        Ok(())
    })?;
    thread::sleep(WHILE);
    let held = conn.hold("close_wait", "CLOSE_WAIT")?;
    let (moment, row) = look(&["-t", "state", "close-wait"], &held)?;
    fin.was_ago(&row["age_ms"]["min"], &moment).context("lower bound")?;
    data.was_ago(&row["age_ms"]["max"], &moment).context("upper bound")?;
    let (_, row) = look(&["-t", "state", "close-wait", "--source", "proc"], &held)?;
    ensure!(row.get("age_ms").is_none(), "/proc cannot tell: {row}");
    Ok(())
}

/// Exact before the first repeated SYN and after it.
fn syn_sent(family: Family) -> Result<()> {
    const ARGS: &[&str] = &["state", "syn-sent"];
    let (call, held) = Moment::of(|| states::syn_sent(family))?;
    thread::sleep(WHILE);
    let (moment, row) = look(ARGS, &held)?;
    if row["timer"]["retransmits"] == 0 {
        is_exactly(&row, &call, &moment).context("before a retransmit")?;
    }
    let inode = held.inode();
    procnet::wait(family.tcp(), "a repeated SYN", |row| row.inode == inode && row.retransmits > 0)?;
    let (moment, row) = look(&["state", "syn-sent", "-i"], &held)?;
    if row["tcp_info"].get("total_rto_time_ms").is_none() {
        return Err(Impossible("tcp_info has no total_rto_time before Linux 6.7".into()).into());
    }
    is_exactly(&row, &call, &moment).context("after a retransmit")?;
    let (_, row) = look(&["state", "syn-sent", "--source", "proc"], &held)?;
    ensure!(row.get("age_ms").is_none(), "/proc cannot tell: {row}");
    Ok(())
}

/// Exact by either source: the timer runs down from a minute.
fn time_wait(family: Family) -> Result<()> {
    let (end, held) = Moment::of(|| states::time_wait(family, By::Close))?;
    thread::sleep(WHILE);
    for source in ["netlink", "proc"] {
        let (moment, row) = look(&["-t", "state", "time-wait", "--source", source], &held)?;
        is_exactly(&row, &end, &moment).context(source)?;
    }
    Ok(())
}

/// A client that nobody has accepted waits since it connected; with the accept that is over.
fn unaccepted(family: Family) -> Result<()> {
    let (call, mut conn) = Moment::of(|| Conn::unaccepted(family))?;
    let (local, remote) = (conn.local(), conn.remote());
    thread::sleep(WHILE);
    let (moment, rows) = Moment::of(|| ask::sockets(&["-i", "state", "established"]))?;
    let row = ask::only(&rows, |row| ask::is_between(row, local, remote))?;
    is_exactly(row, &call, &moment)?;
    conn.accept()?;
    let held = conn.hold("established", "ESTABLISHED")?;
    let (_, row) = look(&["-i", "state", "established"], &held)?;
    ensure!(row.get("age_ms").is_none(), "{row}");
    Ok(())
}

fn is_exactly(row: &Value, since: &Moment, look: &Moment) -> Result<()> {
    let age = &row["age_ms"];
    ensure!(age["min"] == age["max"], "not exact: {row}");
    since.was_ago(&age["min"], look).with_context(|| row.to_string())
}

/// Even with tcp_info at hand these states prove nothing.
fn no_age_elsewhere(family: Family) -> Result<()> {
    let held = [
        states::listen(family, 7)?,
        states::syn_recv(family)?,
        states::established(family)?,
        states::fin_wait1(family, By::Shutdown)?,
        states::fin_wait2(family, By::Close)?,
        states::last_ack(family, By::Close)?,
        states::closing(family, By::Shutdown)?,
    ];
    let rows = ask::sockets(&["-tai"])?;
    for held in held {
        let row = ask::only(&rows, |row| {
            ask::is_between(row, held.local, held.remote) && row["state"] == held.state
        })?;
        ensure!(row.get("age_ms").is_none(), "{row}");
    }
    Ok(())
}
