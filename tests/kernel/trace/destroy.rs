//! The destroy multicast.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, ensure};
use socket2::{Domain, Protocol, Socket, Type};
use sockstate::testing::kernel::destroy::{DestroyedEnds, DestroyedSocket};
use sockstate::testing::sys::clock::monotonic_ns;
use sockstate::testing::sys::destroy::{DestroyListener, DestroyedBatch};

use super::traffic::{Server, stream};
use crate::kit::{Result, Trial, poll, trial};

/// Connections per trial.
const LIVES: usize = 50;

const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;

/// A trial's name and body.
type Check = (&'static str, fn() -> Result<()>);

/// All trials of the multicast.
pub fn trials() -> Vec<Trial> {
    let checks: [Check; 5] = [
        ("every_end_v4", || every_end(Server::v4()?)),
        ("every_end_v6", || every_end(Server::v6()?)),
        ("udp", udp),
        ("after_a_reset", after_a_reset),
        ("losses_are_counted", losses_are_counted),
    ];
    checks.into_iter().map(|(name, check)| trial(format!("destroy::{name}"), check)).collect()
}

/// Drains until `enough` holds for what was reported.
fn collect(
    listener: &mut DestroyListener,
    enough: impl Fn(&[DestroyedSocket]) -> bool,
) -> Result<Vec<DestroyedSocket>> {
    let (mut all, mut drained) = (Vec::new(), DestroyedBatch::default());
    poll("the ends of all sockets", || {
        listener.drain(Duration::from_millis(10), &mut drained)?;
        ensure!(drained.lost == 0, "{} lost", drained.lost);
        ensure!(drained.until_ns <= monotonic_ns(), "in the future");
        all.append(&mut drained.sockets);
        Ok(enough(&all).then_some(()))
    })?;
    Ok(all)
}

/// Waits until the ends before this one are told: the kernel tells from a work queue, and the
/// sockets by which the namespace was set up are among what it has to tell.
fn after_those_before(mut listener: DestroyListener) -> Result<DestroyListener> {
    let marker = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    let cookie = marker.cookie()?;
    drop(marker);
    let is_marker = |end: &DestroyedSocket| end.cookie.map(u64::from) == Some(cookie);
    collect(&mut listener, |all| all.iter().any(is_marker))?;
    Ok(listener)
}

fn every_end(server: Server) -> Result<()> {
    let mut listener = after_those_before(DestroyListener::open()?)?;
    let listening = server.listener.cookie()?;
    let (mut cookies, mut expected) = (Vec::new(), BTreeSet::from([listening]));
    for _ in 0..LIVES {
        let life = server.life()?;
        expected.extend([life.client, life.server]);
        cookies.push(life);
    }
    let port = server.port();
    drop(server);
    let ends = collect(&mut listener, |all| all.len() >= expected.len())?;
    let seen: BTreeSet<u64> = ends.iter().filter_map(|end| Some(end.cookie?.get())).collect();
    ensure!(seen == expected && ends.len() == expected.len(), "{ends:?}");
    for end in &ends {
        ensure!(end.protocol == Some(IPPROTO_TCP), "{end:?}");
        let cookie = end.cookie.context("no cookie")?.get();
        match end.ends {
            DestroyedEnds::Both { local, remote, remote_port } => {
                ensure!(local == remote && cookie != listening, "{end:?}");
                ensure!(end.local_port == port || remote_port == port, "{end:?}");
            }
            DestroyedEnds::Local { .. } => ensure!(cookie == listening, "{end:?}"),
            DestroyedEnds::PortOnly => anyhow::bail!("{end:?}"),
        }
    }
    Ok(())
}

fn udp() -> Result<()> {
    let mut listener = after_those_before(DestroyListener::open()?)?;
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    let cookie = socket.cookie()?;
    drop(socket);
    let ends = collect(&mut listener, |all| !all.is_empty())?;
    let [end] = &ends[..] else { anyhow::bail!("{ends:?}") };
    ensure!(end.protocol == Some(IPPROTO_UDP) && end.ends == DestroyedEnds::PortOnly, "{end:?}");
    ensure!(end.cookie.map(u64::from) == Some(cookie), "{end:?}");
    Ok(())
}

fn after_a_reset() -> Result<()> {
    let server = Server::v4()?;
    let mut listener = after_those_before(DestroyListener::open()?)?;
    let cookies = server.reset()?;
    let ends = collect(&mut listener, |all| all.len() >= 2)?;
    for end in ends {
        let cookie = end.cookie.context("no cookie")?.get();
        if cookie == cookies.server {
            // Its own abortive close has wiped it, but for the address its listener was bound to.
            let local = Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets();
            ensure!(end.ends == DestroyedEnds::Local { local }, "{end:?}");
            ensure!(end.local_port == server.port(), "{end:?}");
        } else {
            ensure!(cookie == cookies.client, "{end:?}");
            ensure!(matches!(end.ends, DestroyedEnds::Both { .. }), "{end:?}");
        }
    }
    Ok(())
}

fn losses_are_counted() -> Result<()> {
    const SOCKETS: u64 = 500;
    let mut listener = after_those_before(DestroyListener::with_buffer(8 * 1024)?)?;
    for _ in 0..SOCKETS {
        drop(stream(Ipv4Addr::LOCALHOST.into())?);
    }
    // The kernel tells from a work queue, maybe late: before anything is read
    // the buffer has to be over-full.
    poll("a loss", || {
        let table = std::fs::read_to_string("/proc/thread-self/net/netlink")?;
        let drops = table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(8));
        Ok(drops.into_iter().any(|drops| drops != "0").then_some(()))
    })?;
    let (mut drained, mut found, mut lost) = (DestroyedBatch::default(), 0, 0);
    poll("all ends, found or lost", || {
        listener.drain(Duration::from_millis(10), &mut drained)?;
        found += drained.sockets.len() as u64;
        lost += drained.lost;
        Ok((found + lost >= SOCKETS).then_some(()))
    })?;
    ensure!(found + lost == SOCKETS && lost > 0 && found > 0, "{found} found, {lost} lost");
    // And it goes on.
    let last = stream(Ipv4Addr::LOCALHOST.into())?;
    let cookie = last.cookie()?;
    drop(last);
    let ends = collect(&mut listener, |all| !all.is_empty())?;
    ensure!(ends[0].cookie.map(u64::from) == Some(cookie), "{ends:?}");
    Ok(())
}
