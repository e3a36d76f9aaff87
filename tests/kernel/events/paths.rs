//! The paths that few connections take, by the tracepoint; and who owns what.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use socket2::{SockAddr, Socket};

use super::shape::{Change, Source, Transition};
use super::watch::{Told, Watch, steps, until_owners_are_known, until_told};
use crate::kit::holder::Holder;
use crate::kit::listeners::{full_accept_queue, reuseport_group};
use crate::kit::netns;
use crate::kit::run::Run;
use crate::kit::states::{self, By, Conn, Family, address_of};
use crate::kit::{Check, Impossible, Result, Trial, poll, trial};
use crate::trace::traffic::{self, Server};

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 18] = [
        ("self_connect", self_connect),
        ("simultaneous_open", simultaneous_open),
        ("simultaneous_close", simultaneous_close),
        ("reset_by_linger", reset_by_linger),
        ("reset_by_unread_data", reset_by_unread_data),
        ("refused", refused),
        ("timed_out", timed_out),
        ("accept_overflow", accept_overflow),
        ("orphan_fin_wait2", || orphan_fin_wait2("tracepoint")),
        ("orphan_fin_wait2_poll", || orphan_fin_wait2("poll")),
        ("time_wait_reuse", || time_wait_reuse("tracepoint")),
        ("time_wait_reuse_poll", || time_wait_reuse("poll")),
        ("shared_by_two", shared_by_two),
        ("former_owner", former_owner),
        ("listener_older_than_the_trace", listener_older_than_the_trace),
        ("listener_shut_down", listener_shut_down),
        ("one_of_several_listeners", one_of_several_listeners),
        ("reset_before_the_trace", reset_before_the_trace),
    ];
    let of_check = |(name, check)| trial(format!("paths::{name}"), check);
    checks.map(of_check).into()
}

fn traced() -> Result<Watch> {
    Watch::start(&["--source", "tracepoint", "--interval", "100ms"])
}

fn self_connect() -> Result<()> {
    let watch = traced()?;
    let held = states::self_connect(Family::V4)?;
    let own = held.local;
    drop(held);
    let told = watch.finish()?;
    let path = told.path(own, own);
    // One socket is both ends, and both close at once.
    let wanted = ["SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "CLOSING", "TIME_WAIT"];
    ensure!(path == wanted, "{path:?}");
    Ok(())
}

fn simultaneous_open() -> Result<()> {
    for family in [Family::V4, Family::V6, Family::Mapped] {
        if family != Family::V4 && !netns::has_ipv6() {
            continue;
        }
        let watch = traced()?;
        let held = states::syn_recv_simultaneous(family)?;
        let (local, remote) = (held.local, held.remote);
        let told = watch.finish()?;
        let transitions = told.of_socket(local, remote);
        let wanted = ["CLOSE→SYN_SENT", "SYN_SENT→SYN_RECV"];
        ensure!(steps(&transitions) == wanted, "{family:?} {transitions:#?}");
        drop(held);
    }
    Ok(())
}

fn simultaneous_close() -> Result<()> {
    let mut watch = traced()?;
    let held = states::closing(Family::V4, By::Close)?;
    let ends = (held.local, held.remote);
    // The FIN that got lost comes again once the peer hears.
    held.peer.as_ref().context("no peer")?.detach_filter()?;
    let is_end = |t: &Transition| {
        (t.local(), t.remote()) == (Some(ends.0), Some(ends.1)) && t.to == "TIME_WAIT"
    };
    watch.wait(is_end)?;
    let told = watch.finish()?;
    let path = told.path(ends.0, ends.1);
    let wanted = ["SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "CLOSING", "TIME_WAIT"];
    ensure!(path == wanted, "{path:?}");
    // Both ends have sent their FIN before the other's came.
    let peer = told.path(ends.1, ends.0);
    ensure!(peer.contains(&"FIN_WAIT1") && !peer.contains(&"CLOSE_WAIT"), "{peer:?}");
    Ok(())
}

fn reset_by_linger() -> Result<()> {
    let server = Server::v4()?;
    let watch = traced()?;
    server.reset()?;
    ends_at_once(watch, server.port())
}

/// A close() that throws data away resets as well.
fn reset_by_unread_data() -> Result<()> {
    let server = Server::v4()?;
    let watch = traced()?;
    let (mut client, accepted) = server.connect()?;
    client.write_all(b"never read")?;
    poll("the data", || {
        Ok((accepted.peek(&mut [std::mem::MaybeUninit::uninit(); 16])? == 10).then_some(()))
    })?;
    drop(accepted);
    poll("a reset", || Ok(client.read(&mut [0; 4]).is_err().then_some(())))?;
    ends_at_once(watch, server.port())
}

/// Both ends of the only connection went from ESTABLISHED to CLOSE, and did so once.
fn ends_at_once(watch: Watch, port: u16) -> Result<()> {
    let told = watch.finish()?;
    let sockets = told.by_socket(port);
    ensure!(sockets.len() == 2, "{sockets:#?}");
    for transitions in sockets.values() {
        let last = transitions.last().context("nothing")?;
        ensure!(transitions.len() == 3 && last.step() == "ESTABLISHED→CLOSE", "{transitions:#?}");
        ensure!(last.exact && last.change == Change::Ended, "{last:?}");
    }
    Ok(())
}

fn refused() -> Result<()> {
    let watch = traced()?;
    let address = traffic::refused()?;
    let told = watch.finish()?;
    let sockets = told.by_socket(address.port());
    let [transitions] = sockets.values().collect::<Vec<_>>()[..] else {
        anyhow::bail!("{sockets:#?}")
    };
    ensure!(steps(transitions) == ["CLOSE→SYN_SENT", "SYN_SENT→CLOSE"], "{transitions:#?}");
    ensure!(transitions.iter().all(|t| t.exact), "{transitions:#?}");
    Ok(())
}

fn sysctl(name: &str, value: &str) -> Result<()> {
    netns::sysctl(name, value).map_err(|error| Impossible(format!("{name}: {error}")).into())
}

fn timed_out() -> Result<()> {
    // One repetition of the SYN: 1 s + 2 s.
    sysctl("ipv4/tcp_syn_retries", "1")?;
    let mut watch = traced()?;
    let held = states::syn_sent(Family::V4)?;
    let (local, remote) = (held.local, held.remote);
    let is_end = move |t: &Transition| {
        (t.local(), t.remote()) == (Some(local), Some(remote)) && t.to == "CLOSE"
    };
    let end = watch.wait(is_end)?;
    ensure!(end.step() == "SYN_SENT→CLOSE", "{end:?} {:#?}", watch.lines);
    // Where the machine stood still for longer than trace events take to come, or lost them in
    // the noise of others, the look is first: then it says bounds.
    let dwell = end.dwell_ms.or(end.dwell_min_ms).context("no dwell")?;
    ensure!(end.exact || (end.source == Source::Poll && end.at_min.is_some()), "{end:?}");
    ensure!(dwell >= 1_000.0, "{end:?}");
    // Whose it is, where looks have found that out by now.
    let pid = std::process::id();
    ensure!(end.processes.as_ref().is_none_or(|p| p[0].pid == pid), "{end:?}");
    let told = watch.finish()?;
    // The kernel picks the port after it has told of SYN_SENT.
    let nameless = SocketAddr::new(local.ip(), 0);
    let path = [told.path(nameless, remote), told.path(local, remote)].concat();
    ensure!(path == ["SYN_SENT", "CLOSE"], "{path:?}");
    Ok(())
}

fn accept_overflow() -> Result<()> {
    let watch = traced()?;
    let queue = full_accept_queue(Family::V4, 1, 2)?;
    let told = watch.finish()?;
    // Some without their port, which the kernel picks after it has told of them.
    let calls = told
        .transitions
        .iter()
        .filter(|t| t.remote() == Some(queue.local) && t.step() == "CLOSE→SYN_SENT");
    ensure!(calls.count() == queue.blocked.len() + queue.waiting.len(), "{:?}", told.transitions);
    for client in &queue.blocked {
        // Its SYN is dropped: there is no other side.
        ensure!(told.path(*client, queue.local).iter().all(|to| *to == "SYN_SENT"), "{client}");
        ensure!(told.of_socket(queue.local, *client).is_empty(), "{client}");
    }
    for client in &queue.waiting {
        ensure!(told.path(*client, queue.local).contains(&"ESTABLISHED"), "{client}");
        let waiting = told.of_socket(queue.local, *client);
        ensure!(steps(&waiting) == ["LISTEN→SYN_RECV", "SYN_RECV→ESTABLISHED"], "{waiting:#?}");
        ensure!(waiting.iter().all(|t| t.processes.is_none()), "nobody has accepted: {waiting:#?}");
    }
    Ok(())
}

/// close() while the peer holds on: a minisocket is left for `tcp_fin_timeout`.
fn orphan_fin_wait2(source: &str) -> Result<()> {
    sysctl("ipv4/tcp_fin_timeout", "1")?;
    let mut watch = Watch::start(&["--source", source, "--interval", "100ms"])?;
    let since = Instant::now();
    let held = states::fin_wait2(Family::V4, By::Close)?;
    let (local, remote) = (held.local, held.remote);
    let is = |t: &Transition| (t.local(), t.remote()) == (Some(local), Some(remote));
    let end = watch.wait(|t| is(t) && t.to == "CLOSE")?;
    ensure!(end.from.as_deref() == Some("FIN_WAIT2"), "{end:?}");
    ensure!(end.change == Change::Ended, "{end:?}");
    let told = watch.finish()?;
    let transitions = told.of_socket(local, remote);
    let path = told.path(local, remote);
    let ends = transitions.iter().filter(|t| t.to == "CLOSE").count();
    ensure!(ends == 1, "{transitions:#?}");
    if source == "tracepoint" {
        let wanted = ["SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE"];
        ensure!(path == wanted, "{path:?}");
        // No event tells the end of a minisocket.
        ensure!(!end.exact && end.source == Source::Poll, "{end:?}");
    }
    ensure!(path.contains(&"FIN_WAIT2"), "{path:?}");
    // Its minisocket lived for a second or so: not less than what the bounds allow.
    let (least, most) = end.dwell_min_ms.zip(end.dwell_max_ms).context("no dwell")?;
    ensure!(least <= since.elapsed().as_secs_f64() * 1_000.0 && most >= 900.0, "{end:?}");
    drop(held);
    Ok(())
}

/// A second connection with the ends of the first, which is in TIME_WAIT.
fn time_wait_reuse(source: &str) -> Result<()> {
    sysctl("ipv4/tcp_tw_reuse", "1")?;
    // The only port there is; another one in the trial that runs beside this, as the tracepoint
    // does not tell its sockets from ours.
    let range = if source == "poll" { "40001 40001" } else { "40000 40000" };
    sysctl("ipv4/ip_local_port_range", range)?;
    let listener = Family::V4.tcp_socket()?;
    states::bind(&listener, SocketAddr::from(([127, 0, 0, 1], 7_501)))?;
    listener.listen(8)?;
    let server = address_of(&listener)?;
    let mut watch = start_without_ports(source, range)?;
    let first = connect(server)?;
    let client = address_of(&first)?;
    let is = move |t: &Transition| (t.local(), t.remote()) == (Some(client), Some(server));
    let (accepted, _) = listener.accept()?;
    drop(first);
    poll("the end of the stream", || Ok(((&accepted).read(&mut [0; 4])? == 0).then_some(())))?;
    drop(accepted);
    watch.wait(|t| is(t) && t.to == "TIME_WAIT")?;
    // tcp_tw_reuse_delay
    thread::sleep(Duration::from_millis(1_200));
    let second = connect(server)?;
    ensure!(address_of(&second)? == client, "another port");
    watch.wait(|t| is(t) && t.to == "ESTABLISHED")?;
    drop(second);
    let told = watch.finish()?;
    let transitions = told.of_socket(client, server);
    let end = transitions.iter().position(|t| t.step() == "TIME_WAIT→CLOSE");
    let end = end.with_context(|| format!("{transitions:#?}"))?;
    ensure!(transitions[end].reason.as_deref() == Some("tuple-reused"), "{transitions:#?}");
    // First the end of the one, then the beginning of the other.
    let next = transitions.get(end + 1).context("nothing after it")?;
    ensure!(next.change == Change::Opened, "{transitions:#?}");
    let waits = transitions.iter().filter(|t| t.step() == "TIME_WAIT→CLOSE").count();
    ensure!(waits == 1, "{transitions:#?}");
    if source == "tracepoint" {
        ensure!(next.step() == "CLOSE→SYN_SENT" && next.exact, "{next:?}");
    }
    Ok(())
}

/// The watch needs listeners with ports of their own, of which there is none left.
fn start_without_ports(source: &str, range: &str) -> Result<Watch> {
    netns::sysctl("ipv4/ip_local_port_range", "30000 60000")?;
    let watch = Watch::start(&["--source", source, "--interval", "50ms"]);
    netns::sysctl("ipv4/ip_local_port_range", range)?;
    watch
}

fn connect(server: SocketAddr) -> Result<Socket> {
    let client = Family::V4.tcp_socket()?;
    client.connect(&SockAddr::from(server)).context("connect")?;
    Ok(client)
}

/// A socket that two processes hold is of both.
fn shared_by_two() -> Result<()> {
    let mut conn = Conn::accepted(Family::V4)?;
    let holder = Holder::new(b"sharer", [conn.server()?.try_clone()?])?;
    let ends = (conn.local(), conn.remote());
    let is = |t: &Transition| (t.local(), t.remote()) == (Some(ends.0), Some(ends.1));
    conn.end_client(By::Shutdown)?;
    conn.wait("CLOSE_WAIT")?;
    let mut watch = Watch::start(&["--source", "poll", "--interval", "50ms"])?;
    until_owners_are_known(&mut watch.running)?;
    conn.end_server(By::Close)?;
    drop(holder);
    let end = watch.wait(|t| is(t) && t.step() == "CLOSE_WAIT→CLOSE")?;
    let names: Vec<(u32, String)> = end
        .processes
        .context("no owners")?
        .into_iter()
        .map(|process| (process.pid, process.comm))
        .collect();
    ensure!(names.len() == 2, "{names:?}");
    ensure!(names.iter().any(|(pid, _)| *pid == std::process::id()), "{names:?}");
    ensure!(names.iter().any(|(_, comm)| comm == "sharer"), "{names:?}");
    watch.finish()?;
    Ok(())
}

/// TIME_WAIT has no owner; it had one.
fn former_owner() -> Result<()> {
    for source in ["poll", "destroy"] {
        let mut conn = Conn::accepted(Family::V4)?;
        let (local, remote) = (conn.local(), conn.remote());
        let is = |t: &Transition| (t.local(), t.remote()) == (Some(local), Some(remote));
        let mut watch = Watch::start(&["--source", source, "--interval", "50ms"])?;
        let text = Run::new(["events", "--source", source, "--interval", "50ms"]);
        let mut text = text.start()?;
        text.remark()?;
        let mut sentinels = Vec::new();
        until_told(&mut text, || {
            sentinels.push(states::listening(Family::V4, 1)?);
            Ok(address_of(&sentinels[sentinels.len() - 1])?.port())
        })?;
        for running in [&mut watch.running, &mut text] {
            until_owners_are_known(running)?;
        }
        conn.end_server(By::Close)?;
        conn.end_client(By::Close)?;
        let waits = watch.wait(|t| is(t) && t.to == "TIME_WAIT")?;
        let pid = std::process::id();
        ensure!(waits.former, "{waits:?}");
        let owner = waits.processes.as_ref().and_then(|p| p.first()).context("no former owner")?;
        ensure!(owner.pid == pid, "{waits:?}");
        let wanted = format!("{local} -> {remote}  was {}[{pid}]", owner.comm);
        let line = text
            .line_where(|line| line.contains("TIME_WAIT") && line.contains(&local.to_string()))?;
        ensure!(line.ends_with(&wanted), "{line}\nwanted {wanted}");
        watch.finish()?;
    }
    Ok(())
}

/// It ends once, exactly, and is known: also where its address is 0.0.0.0.
fn listener_older_than_the_trace() -> Result<()> {
    for family in [Family::V4, Family::V6] {
        if family == Family::V6 && !netns::has_ipv6() {
            continue;
        }
        let listener = family.tcp_socket()?;
        let any: SocketAddr = if family == Family::V4 { "0.0.0.0:0" } else { "[::]:0" }.parse()?;
        listener.bind(&any.into())?;
        listener.listen(1)?;
        let port = address_of(&listener)?.port();
        let watch = traced()?;
        drop(listener);
        let told = two_looks_later(watch)?;
        let told: Vec<&Transition> = told.transitions.iter().filter(|t| t.has_port(port)).collect();
        ensure!(steps(&told) == ["LISTEN→CLOSE"], "{family:?} {told:#?}");
        ensure!(told[0].exact && told[0].change == Change::Ended, "{told:#?}");
        ensure!(told[0].cookie.is_some() && told[0].netns.is_none(), "it is known: {told:#?}");
    }
    Ok(())
}

/// shutdown() takes it from its state, and the socket lives on; without its port where the kernel
/// had chosen that.
fn listener_shut_down() -> Result<()> {
    let chosen = states::listening(Family::V4, 1)?;
    let named = Family::V4.tcp_socket()?;
    named.bind(&SocketAddr::from(([127, 0, 0, 1], 7_999)).into())?;
    named.listen(1)?;
    let port = address_of(&chosen)?.port();
    let watch = traced()?;
    for listener in [&chosen, &named] {
        listener.shutdown(std::net::Shutdown::Both)?;
    }
    let told = two_looks_later(watch)?;
    let of = |port| told.transitions.iter().filter(move |t| t.has_port(port)).collect::<Vec<_>>();
    let (chosen, named) = (of(port), of(7_999));
    ensure!(steps(&chosen) == ["LISTEN→CLOSE"] && chosen[0].exact, "{chosen:#?}");
    ensure!(steps(&named) == ["LISTEN→BOUND"], "{named:#?}");
    ensure!(named[0].change == Change::Changed && named[0].cookie.is_some(), "{named:#?}");
    Ok(())
}

/// Which of those that share a port it was tells the cookie.
fn one_of_several_listeners() -> Result<()> {
    let mut group = reuseport_group(Family::V4, 3)?;
    let one = group.remove(1);
    let (port, cookie) = (address_of(&one)?.port(), one.cookie()?);
    let watch = traced()?;
    drop(one);
    let told = two_looks_later(watch)?;
    let told: Vec<&Transition> = told.transitions.iter().filter(|t| t.has_port(port)).collect();
    ensure!(steps(&told) == ["LISTEN→CLOSE"] && told[0].exact, "{told:#?}");
    ensure!(told[0].cookie == Some(format!("{cookie:#x}")), "{cookie:#x} {told:#?}");
    Ok(())
}

/// The end of a connection is its reset, not the close() of its descriptor.
fn reset_before_the_trace() -> Result<()> {
    let server = Server::v4()?;
    let (client, accepted) = server.connect()?;
    socket2::SockRef::from(&accepted).set_linger(Some(Duration::ZERO))?;
    drop(accepted);
    let watch = traced()?;
    drop(client);
    let told = two_looks_later(watch)?;
    let exact = told.transitions.iter().filter(|t| t.has_port(server.port()) && t.exact);
    ensure!(exact.clone().count() == 0, "{:#?}", exact.collect::<Vec<_>>());
    Ok(())
}

/// What is told twice is told by the second of two looks.
fn two_looks_later(mut watch: Watch) -> Result<Told> {
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(100));
        watch.barrier()?;
    }
    watch.finish()
}
