//! Too many events for a reader that stands still.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use rustix::process::Signal;
use socket2::SockAddr;

use super::shape::Line;
use super::watch::Watch;
use crate::kit::states::{self, By, Conn, Family, address_of};
use crate::kit::{Check, PATIENCE, Result, Trial, trial};

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 2] = [
        ("stopped_reader_tracepoint", || stopped_reader("tracepoint")),
        ("stopped_reader_destroy", || stopped_reader("destroy")),
    ];
    let of_check = |(name, check)| trial(format!("overload::{name}"), check).that_floods();
    checks.map(of_check).into()
}

/// More than the rings of two CPUs and the largest receive buffer hold.
const CONNECTIONS: usize = 60_000;

/// Connections that are reset, so that no port waits in TIME_WAIT.
fn churn() -> Result<()> {
    let listener = states::listening(Family::V4, 128)?;
    let address: SocketAddr = address_of(&listener)?;
    for _ in 0..CONNECTIONS {
        let client = Family::V4.tcp_socket()?;
        client.set_linger(Some(Duration::ZERO))?;
        client.connect(&SockAddr::from(address))?;
        let (server, _) = listener.accept()?;
        drop((client, server));
    }
    Ok(())
}

fn stopped_reader(source: &str) -> Result<()> {
    let mut watch = Watch::start(&["--source", source, "--interval", "1h"])?;
    watch.may_lose = true;
    // They change while nobody looks.
    let mut before = Conn::accepted(Family::V4)?;
    watch.barrier()?;
    watch.running.signal(Signal::STOP)?;
    before.end_client(By::Shutdown)?;
    before.wait("CLOSE_WAIT")?;
    churn()?;
    // What can no longer be told is seen by the look that follows.
    let late = states::listening(Family::V4, 1)?;
    let late_port = address_of(&late)?.port();
    watch.running.signal(Signal::CONT)?;
    watch.running.give(4 * PATIENCE);
    let gap = watch.wait_gap()?;
    ensure!(gap.what == "events" && gap.reason.contains(' '), "{gap:?}");
    ensure!(gap.count.is_some_and(|count| count > 0), "{gap:?}");
    // That look comes long before the next is due, and knows what else has changed meanwhile.
    watch.find(|t| t.has_port(late_port))?;
    before.end_server(By::Close)?;
    let ends = (Some(before.local()), Some(before.remote()));
    let gone = watch.wait(|t| (t.local(), t.remote()) == ends && t.to == "CLOSE")?;
    let froms: &[&str] = match source {
        "tracepoint" => &["LAST_ACK", "CLOSE_WAIT"],
        _ => &["CLOSE_WAIT"],
    };
    ensure!(gone.from.as_deref().is_some_and(|from| froms.contains(&from)), "{gone:?}");
    // And it is right again, once the noise of others has ended.
    let right = (0..10).try_fold(false, |right, _| {
        Ok::<bool, anyhow::Error>(right || is_told_rightly(&mut watch, source)?)
    })?;
    ensure!(right, "it stays wrong");
    let told = watch.finish()?;
    let of_it = told.of_socket(before.local(), before.remote());
    ensure!(of_it.iter().filter(|t| t.to == "CLOSE").count() == 1, "{of_it:#?}");
    Ok(())
}

/// A connection after the loss: whether all that the source can tell of it is told, once.
fn is_told_rightly(watch: &mut Watch, source: &str) -> Result<bool> {
    let mut conn = Conn::accepted(Family::V4)?;
    let ends = (Some(conn.local()), Some(conn.remote()));
    conn.end_client(By::Shutdown)?;
    conn.wait("CLOSE_WAIT")?;
    conn.end_server(By::Close)?;
    let before = watch.lines.len();
    watch.wait(|t| (t.local(), t.remote()) == ends && t.to == "CLOSE")?;
    let steps: Vec<String> = watch.lines[before..]
        .iter()
        .filter_map(|line| match line {
            Line::Transition(t) if (t.local(), t.remote()) == ends => Some(t.step()),
            _ => None,
        })
        .collect();
    let wanted: &[&str] = match source {
        "tracepoint" => &[
            "LISTEN→SYN_RECV",
            "SYN_RECV→ESTABLISHED",
            "ESTABLISHED→CLOSE_WAIT",
            "CLOSE_WAIT→LAST_ACK",
            "LAST_ACK→CLOSE",
        ],
        _ => &["?→CLOSE"],
    };
    Ok(steps == wanted)
}
