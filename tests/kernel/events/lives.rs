//! Whole lives of a few milliseconds: what each source tells of them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::shape::{Change, Source, Time, Transition};
use super::watch::{Told, Watch, steps, until_owners_are_known};
use crate::kit::states::{self, By, Conn, Family};
use crate::kit::{Impossible, Result, Trial, netns, trial};
use crate::trace::traffic::Server;

const LIVES: usize = 50;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for family in Family::ALL {
        let of = |source: &str| format!("lives::{source}_{}", family.name());
        trials.push(trial(of("tracepoint"), move || tracepoint(family)));
        trials.push(trial(of("destroy"), move || destroy(family)));
        trials.push(trial(of("poll"), move || poll(family)));
    }
    trials.push(trial("lives::poll_follows_a_slow_one", poll_follows_a_slow_one));
    trials.push(trial("lives::both_sources_count_once", both_sources_count_once));
    trials
}

/// A server, and how long it is talked to.
struct Lives {
    port: u16,
    began: Time,
    ended: Time,
    clients: BTreeSet<String>,
}

fn server(family: Family) -> Result<Server> {
    match family {
        Family::V4 => Server::v4(),
        Family::V6 if netns::has_ipv6() => Server::v6(),
        Family::Mapped if netns::has_ipv6() => {
            let listener = states::listening(Family::Mapped, 128)?;
            let port = states::address_of(&listener)?.port();
            Ok(Server { listener, address: SocketAddr::from(([127, 0, 0, 1], port)) })
        }
        _ => Err(Impossible("no IPv6 here: lo has no ::1".into()).into()),
    }
}

fn live(family: Family) -> Result<Lives> {
    let server = server(family)?;
    let (port, began, mut clients) = (server.port(), Time::now(), BTreeSet::new());
    for life in 0..LIVES {
        let cookies = server.life()?;
        clients.insert(format!("{:#x}", cookies.client));
        if life % 5 == 0 {
            // So that looks fall between them.
            thread::sleep(Duration::from_millis(7));
        }
    }
    Ok(Lives { port, began, ended: Time::now(), clients })
}

const CLIENT: [&str; 5] = [
    "CLOSE→SYN_SENT",
    "SYN_SENT→ESTABLISHED",
    "ESTABLISHED→FIN_WAIT1",
    "FIN_WAIT1→FIN_WAIT2",
    "FIN_WAIT2→TIME_WAIT",
];

const SERVER: [&str; 5] = [
    "LISTEN→SYN_RECV",
    "SYN_RECV→ESTABLISHED",
    "ESTABLISHED→CLOSE_WAIT",
    "CLOSE_WAIT→LAST_ACK",
    "LAST_ACK→CLOSE",
];

/// Every transition of every one, both sides, exactly and in order.
fn tracepoint(family: Family) -> Result<()> {
    let watch = Watch::start(&["--source", "tracepoint", "--interval", "30ms"])?;
    let lives = live(family)?;
    let told = watch.finish()?;
    ensure!(told.gaps.is_empty(), "{:?}", told.gaps);
    all_exact(&told, &lives)
}

fn all_exact(told: &Told, lives: &Lives) -> Result<()> {
    let sockets = told.by_socket(lives.port);
    let (mut clients, mut servers, mut cookies) = (0, 0, BTreeSet::new());
    // The kernel picks the local port after it has told of SYN_SENT, and what comes next may come
    // too late to say it.
    let (mut without_port, mut born_before) = (0, 0);
    for ((local, remote), transitions) in &sockets {
        if local.port() == 0 {
            ensure!(transitions.iter().all(|t| t.step() == CLIENT[0]), "{transitions:#?}");
            without_port += transitions.len();
            continue;
        }
        let is_client = remote.port() == lives.port;
        ensure!(local.ip().is_loopback() && remote.ip().is_loopback(), "{local} {remote}");
        let is_born = !is_client || transitions.iter().any(|t| t.step() == CLIENT[0]);
        born_before += usize::from(!is_born);
        let wanted = if is_client { CLIENT } else { SERVER };
        let wanted = &wanted[usize::from(!is_born)..];
        ensure!(steps(transitions) == wanted, "{local} {remote}: {:#?}", transitions);
        ensure!(transitions.is_sorted_by_key(|t| t.at), "out of order: {transitions:?}");
        for transition in transitions {
            is_exact(transition)?;
            ensure!(transition.allows(lives.began, lives.ended), "not then: {transition:?}");
        }
        for pair in transitions.windows(2) {
            let dwell = pair[1].dwell_ms.context("no dwell")?;
            let apart = pair[1].at.ms_since(pair[0].at);
            ensure!((dwell - apart).abs() < 1.0, "{dwell} ms, but {apart}: {pair:?}");
        }
        clients += usize::from(is_client);
        servers += usize::from(!is_client);
        let last = transitions.last().context("nothing")?;
        cookies.extend(last.cookie.clone().filter(|_| is_client));
    }
    ensure!((clients, servers) == (LIVES, LIVES), "{clients} clients, {servers} servers");
    ensure!(without_port == born_before, "{without_port} without a port, {born_before} unborn");
    // What goes on as TIME_WAIT is the socket it came from.
    ensure!(cookies == lives.clients, "{cookies:?} for {:?}", lives.clients);
    Ok(())
}

fn is_exact(t: &Transition) -> Result<()> {
    ensure!(t.exact && t.source == Source::Tracepoint && t.reason.is_none(), "{t:?}");
    ensure!(t.at_min.is_none() && t.via.is_empty(), "{t:?}");
    Ok(())
}

/// Every end, though no snapshot saw most of them live.
fn destroy(family: Family) -> Result<()> {
    let watch = Watch::start(&["--source", "destroy", "--interval", "100ms"])?;
    let lives = live(family)?;
    let told = watch.finish()?;
    ensure!(told.gaps.is_empty(), "{:?}", told.gaps);
    let sockets = told.by_socket(lives.port);
    ensure!(sockets.len() == 2 * LIVES, "{} sockets", sockets.len());
    let mut told_by_event = 0;
    for ((local, remote), transitions) in &sockets {
        let is_client = remote.port() == lives.port;
        let is_end = |t: &&&Transition| match t.change {
            Change::Passed | Change::Ended => true,
            // Seen alive, and then in TIME_WAIT.
            Change::Changed => t.to == "TIME_WAIT",
            // First seen in TIME_WAIT, by a look that was faster than the event.
            Change::Opened => t.to == "TIME_WAIT" && t.reason.is_none(),
        };
        let ends: Vec<_> = transitions.iter().filter(is_end).collect();
        ensure!(ends.len() == 1, "{local} {remote}: {transitions:#?}");
        let end = ends[0];
        ensure!(!end.exact && end.netns.is_none(), "{end:?}");
        ensure!(end.allows(lives.began, lives.ended), "not then: {end:?}");
        // TIME_WAIT is what a snapshot shows of a client.
        let waits = transitions.iter().any(|t| t.to == "TIME_WAIT");
        ensure!(waits == is_client, "{local} {remote}: {transitions:#?}");
        let by_event = transitions.iter().any(|t| t.source == Source::Destroy);
        ensure!(by_event || is_client, "{local} {remote}: {transitions:#?}");
        told_by_event += usize::from(by_event);
    }
    ensure!(told_by_event > LIVES, "{told_by_event} by events");
    Ok(())
}

/// What snapshots can see: the TIME_WAIT of each.
fn poll(family: Family) -> Result<()> {
    let watch = Watch::start(&["--source", "poll", "--interval", "100ms"])?;
    let lives = live(family)?;
    let told = watch.finish()?;
    let sockets = told.by_socket(lives.port);
    let mut cookies = BTreeSet::new();
    for ((local, remote), transitions) in &sockets {
        for t in transitions {
            ensure!(!t.exact && t.source == Source::Poll && t.at_min.is_some(), "{t:?}");
            ensure!(t.netns.is_none() && t.allows(lives.began, lives.ended), "{t:?}");
        }
        let last = transitions.last().context("nothing")?;
        if remote.port() != lives.port {
            // A server's end that a look happened to catch.
            ensure!(last.to == "CLOSE", "{local} {remote}: {transitions:#?}");
            continue;
        }
        ensure!(last.to == "TIME_WAIT", "{local} {remote}: {transitions:#?}");
        ensure!(last.dwell_ms.is_none(), "{last:?}");
        if transitions.len() == 1 {
            ensure!(last.change == Change::Opened && last.via == ["FIN_WAIT1"], "{last:?}");
        }
        cookies.extend(last.cookie.clone());
    }
    ensure!(cookies == lives.clients, "{cookies:?} for {:?}", lives.clients);
    Ok(())
}

/// A connection that is slower than the looks: every step of it that lasts, with bounds that hold.
fn poll_follows_a_slow_one() -> Result<()> {
    let mut watch = Watch::start(&["--source", "poll", "--interval", "40ms"])?;
    let mut times = vec![Time::now()];
    let mut conn = Conn::accepted(Family::V4)?;
    let (local, remote) = (conn.local(), conn.remote());
    times.push(Time::now());
    let ends = (Some(local), Some(remote));
    let is = |state: &'static str| {
        move |t: &Transition| (t.local(), t.remote()) == ends && t.to == state
    };
    let opened = watch.wait(is("ESTABLISHED"))?;
    ensure!(
        opened.change == Change::Opened && opened.from.as_deref() == Some("CLOSE"),
        "{opened:?}"
    );
    ensure!(opened.allows(times[0], times[1]), "{opened:?}");
    // Looks with which it is still so.
    thread::sleep(Duration::from_millis(100));
    until_owners_are_known(&mut watch.running)?;
    let before = Time::now();
    conn.end_client(By::Shutdown)?;
    conn.wait("CLOSE_WAIT")?;
    let after = Time::now();
    let waits = watch.wait(is("CLOSE_WAIT"))?;
    ensure!(waits.from.as_deref() == Some("ESTABLISHED") && waits.via.is_empty(), "{waits:?}");
    ensure!(waits.allows(before, after), "{waits:?}");
    let truly = after.ms_since(times[0]);
    ensure!(waits.dwell_min_ms.is_some_and(|min| min <= truly && min >= 50.0), "{waits:?}");
    let pid = std::process::id();
    let owners = waits.processes.clone().context("nobody holds it")?;
    ensure!(owners.len() == 1 && owners[0].pid == pid && !waits.former, "{waits:?}");
    let before = Time::now();
    conn.end_server(By::Close)?;
    let gone = watch.wait(is("CLOSE"))?;
    ensure!(gone.change == Change::Ended && gone.allows(before, Time::now()), "{gone:?}");
    watch.finish()?;
    Ok(())
}

/// Looks as often as can be, beside the tracepoint: nothing is told twice.
fn both_sources_count_once() -> Result<()> {
    let watch = Watch::start(&["--source", "tracepoint", "--interval", "1ms"])?;
    let lives = live(Family::V4)?;
    let told = watch.finish()?;
    all_exact(&told, &lives)?;
    let listens = told.transitions.iter().filter(|t| t.has_port(lives.port) && t.to == "LISTEN");
    ensure!(listens.count() == 1, "the listener opened more than once");
    Ok(())
}
