//! Rules about listeners.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::Value;
use socket2::Socket;

use super::{
    Check, alerts_of, check, clears, client, evidence, fires, fires_once, hear_only_syns, is_clear,
    knock, listener, loopback, pair, port, port_of, start, tcp,
};
use crate::kit::listeners::{full_accept_queue, reuseport_group};
use crate::kit::netns;
use crate::kit::states::{Conn, Family, established_unaccepted, inode_of};
use crate::kit::{Impossible, Result, poll, unix};

pub const CHECKS: &[Check] = &[
    ("accept_queue_overflow", accept_queue_overflow),
    ("accept_queue_overflow_limits", accept_queue_limits),
    ("accept_queue_overflow_drops", accept_queue_drops),
    ("accept_queue_overflow_reuseport", accept_queue_reuseport),
    ("accept_stall", accept_stall),
    ("syn_queue_full", syn_queue_full),
    ("syn_queue_full_without_cookies", syn_queue_without_cookies),
    ("syn_queue_full_cookies", syn_queue_cookies),
    ("syn_queue_full_not_deferred", syn_queue_deferred),
    ("unix_queue_full", unix_queue_full),
];

const OVERFLOW: &str = "accept-queue-overflow";
const SYN: &str = "syn-queue-full";

fn sysctl(name: &str, value: &str) -> Result<()> {
    netns::sysctl(name, value)
        .map_err(|error| Impossible(format!("writing {name}: {error}")).into())
}

fn accept_queue_overflow() -> Result<()> {
    let full = full_accept_queue(Family::V4, 3, 2)?;
    let alert = fires_once(OVERFLOW, "")?;
    ensure!(alert["severity"] == "critical" && alert["count"] == 4, "{alert:#}");
    ensure!(evidence(&alert, "limit")? == 3 && evidence(&alert, "drops")? >= 2, "{alert:#}");
    ensure!(port(&alert) == Some(full.local.port().into()), "{alert:#}");
    drop(full);
    clears(OVERFLOW, "")?;
    // Busy but healthy: 7 of 10.
    let (busy, port) = listener(10)?;
    let clients: Vec<Socket> = (0..7).map(|_| client(port)).collect::<Result<_>>()?;
    is_clear(OVERFLOW, "")?;
    let eighth = client(port)?;
    let alert = fires_once(OVERFLOW, "")?;
    ensure!(alert["severity"] == "warning" && alert["count"] == 8, "{alert:#}");
    for _ in 0..5 {
        busy.accept()?;
    }
    clears(OVERFLOW, "")?;
    drop((clients, eighth));
    Ok(())
}

/// The remedy depends on who set the limit, and when.
fn accept_queue_limits() -> Result<()> {
    sysctl("core/somaxconn", "3")?;
    let (socket, port) = listener(100)?;
    let _clients: Vec<Socket> = (0..4).map(|_| client(port)).collect::<Result<_>>()?;
    let remedy = || -> Result<String> {
        let alert = fires_once(OVERFLOW, "")?;
        ensure!(evidence(&alert, "limit")? == 3, "{alert:#}");
        Ok(alert["remedy"].as_str().unwrap_or_default().to_owned())
    };
    ensure!(remedy()?.starts_with("the limit is net.core.somaxconn (3)"), "{}", remedy()?);
    // Raised behind the listener's back: the limit stays.
    sysctl("core/somaxconn", "4096")?;
    ensure!(remedy()?.contains("calling listen() again is enough"), "{}", remedy()?);
    sysctl("core/somaxconn", "2")?;
    ensure!(remedy()?.contains("when somaxconn was higher"), "{}", remedy()?);
    sysctl("core/somaxconn", "4096")?;
    socket.listen(100)?;
    clears(OVERFLOW, "")
}

/// Drops while one looks are told, with their number.
fn accept_queue_drops() -> Result<()> {
    let _full = full_accept_queue(Family::V4, 3, 4)?;
    // The clients repeat their SYN every second.
    let output = check(OVERFLOW, "", &["--for", "2500ms", "--interval", "500ms"])?;
    let alerts = alerts_of(&output)?;
    ensure!(alerts.len() == 1 && alerts[0]["since"].is_string(), "{output}");
    ensure!(evidence(&alerts[0], "drops_delta")? >= 4, "{output}");
    ensure!(evidence(&alerts[0], "window_ms")? >= 2000, "{output}");
    Ok(())
}

/// Of four listeners on one port the one that overflows is named.
fn accept_queue_reuseport() -> Result<()> {
    let group = reuseport_group(Family::V4, 4)?;
    let port = port_of(&group[0])?;
    group.iter().try_for_each(|socket| socket.set_nonblocking(true))?;
    let _clients: Vec<Socket> = (0..40).map(|_| knock(port)).collect::<Result<_>>()?;
    let stuck = inode_of(&group[0])?;
    poll("only the first overflows", || {
        // The others accept, also what comes late.
        for socket in &group[1..] {
            while socket.accept().is_ok() {}
        }
        let alerts = alerts_of(&check(OVERFLOW, "", &[])?)?;
        let inodes: Vec<_> =
            alerts.iter().map(|a| a["subject"]["listener"]["inode"].as_u64()).collect();
        Ok((inodes == [Some(stuck)]).then_some(()))
    })
}

fn accept_stall() -> Result<()> {
    let quick = "[accept-stall]\nage = \"300ms\"\n";
    let _held = established_unaccepted(Family::V4)?;
    // Fresh is no stall.
    is_clear("accept-stall", "")?;
    let alert = fires_once("accept-stall", quick)?;
    ensure!(alert["count"] == 1 && evidence(&alert, "oldest_ms")? >= 300, "{alert:#}");
    drop(_held);
    let mut conn = Conn::unaccepted(Family::V6)?;
    let alert = fires_once("accept-stall", quick)?;
    ensure!(port(&alert) == Some(conn.local().port().into()), "{alert:#}");
    conn.accept()?;
    clears("accept-stall", quick)
}

/// A listener that hears SYNs only, with so many clients that believe to be
/// connected.
fn half_open(backlog: i32, count: usize) -> Result<HalfOpen> {
    let (socket, port) = listener(backlog)?;
    hear_only_syns(&socket)?;
    let clients = (0..count).map(|_| knock(port)).collect::<Result<_>>()?;
    Ok((socket, port, clients))
}

/// A listener, its port, and clients in the middle of their handshake.
type HalfOpen = (Socket, u16, Vec<Socket>);

/// More half-open connections than a listener has room for, and the alert of that. They are made
/// anew until it comes: the kernel gives up on those of a full queue after some seconds.
fn full_syn_queue(count: usize) -> Result<(HalfOpen, Value)> {
    poll("syn-queue-full fires", || {
        let (full, begun) = (half_open(4, count)?, Instant::now());
        while begun.elapsed() < Duration::from_secs(5) {
            if let Some(alert) = alerts_of(&check(SYN, "", &[])?)?.pop() {
                return Ok(Some((full, alert)));
            }
        }
        Ok(None)
    })
}

fn syn_queue_full() -> Result<()> {
    // Roomy: the same number of handshakes is no alarm.
    let roomy = half_open(20, 6)?;
    let (full, alert) = full_syn_queue(6)?;
    ensure!(port(&alert) == Some(full.1.into()), "{alert:#}");
    ensure!(evidence(&alert, "syn_queue")? == 5 && evidence(&alert, "limit")? == 4, "{alert:#}");
    ensure!(evidence(&alert, "sources")? == 1, "{alert:#}");
    drop(full);
    clears(SYN, "")?;
    let many = fires(SYN, "[syn-queue-full]\nrepeated = 3\n")?;
    ensure!(many.len() == 1 && port(&many[0]) == Some(roomy.1.into()), "{many:#?}");
    Ok(())
}

fn syn_queue_without_cookies() -> Result<()> {
    sysctl("ipv4/tcp_syncookies", "0")?;
    let (full, alert) = full_syn_queue(8)?;
    let remedy = alert["remedy"].as_str().unwrap_or_default();
    ensure!(remedy.contains("tcp_syncookies is 0"), "{alert:#}");
    // Clients that come while one looks are dropped; the others repeat their SYN too rarely.
    let (run, _dir) = start(SYN, "", &["--for", "2s", "--interval", "100ms"])?;
    let mut running = run.start()?;
    let mut late = Vec::new();
    running.meanwhile(|| {
        late.push(knock(full.1)?);
        Ok(())
    })?;
    let output = running.finish()?;
    ensure!(evidence(&alerts_of(&output)?[0], "syns_dropped")? > 0, "{output}");
    Ok(())
}

/// Cookies are told, and that none comes back.
fn syn_queue_cookies() -> Result<()> {
    sysctl("ipv4/tcp_syncookies", "1")?;
    let full = half_open(4, 6)?;
    let (run, _dir) = start(SYN, "", &["--for", "3s", "--interval", "100ms"])?;
    let mut running = run.start()?;
    let mut late = Vec::new();
    running.meanwhile(|| {
        late.push(knock(full.1)?);
        Ok(())
    })?;
    let output = running.finish()?;
    let alerts = alerts_of(&output)?;
    ensure!(alerts.len() == 1 && port(&alerts[0]) == Some(full.1.into()), "{output}");
    ensure!(evidence(&alerts[0], "cookies_sent")? > 0, "{output}");
    ensure!(evidence(&alerts[0], "cookies_received")? == 0, "{output}");
    let remedy = alerts[0]["remedy"].as_str().unwrap_or_default();
    ensure!(remedy.contains("few cookies come back"), "{output}");
    Ok(())
}

/// Clients that connect and say nothing to a listener with TCP_DEFER_ACCEPT.
fn syn_queue_deferred() -> Result<()> {
    let socket = tcp()?;
    socket.bind(&loopback(0))?;
    defer_accept(&socket, 30)?;
    socket.listen(4)?;
    let port = port_of(&socket)?;
    let _clients: Vec<Socket> = (0..5).map(|_| knock(port)).collect::<Result<_>>()?;
    // Right away, and when the timers have shown what it is.
    let output = check(SYN, "[syn-queue-full]\nrepeated = 1\n", &["--for", "3s"])?;
    ensure!(alerts_of(&output)?.is_empty(), "{output}");
    Ok(())
}

#[expect(unsafe_code, reason = "socket2 has no TCP_DEFER_ACCEPT")]
fn defer_accept(socket: &Socket, seconds: libc::c_int) -> Result<()> {
    // SAFETY: the option's value is a C int, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw const seconds).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    ensure!(result == 0, std::io::Error::last_os_error());
    Ok(())
}

fn unix_queue_full() -> Result<()> {
    let busy = unix::listener(2, 2)?;
    is_clear("unix-queue-full", "")?;
    let full = unix::listener(2, 3)?;
    let alert = fires_once("unix-queue-full", "")?;
    ensure!(alert["count"] == 3 && evidence(&alert, "limit")? == 2, "{alert:#}");
    let path = alert["subject"]["unix_listener"]["path"].as_str().unwrap_or_default();
    ensure!(path.as_bytes() == full.shown_name(), "{alert:#}");
    full.subject.accept()?;
    clears("unix-queue-full", "")?;
    drop(busy);
    // A connection behind it all: pairs need a listener that is not full.
    let (socket, port) = listener(1)?;
    pair(&socket, port)?;
    Ok(())
}
