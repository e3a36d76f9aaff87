//! The tracer, and the chains it is joined to.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use sockstate::testing::chain::{EndsIn, Exact, ExactChange, KnownEnds, Remark, Transport};
use sockstate::testing::kernel::tracepoint::{TraceFilter, Tracepoint};
use sockstate::testing::model::state::State;
use sockstate::testing::sys::perf::{Drained, TraceOptions};
use sockstate::testing::sys::perf_cpu::{CpuEvents, Wanted};
use sockstate::testing::sys::perf_gap::GapCause;
use sockstate::testing::sys::tracefs::Tracefs;

use super::traffic::{self, Server};
use super::watch::{Seen, Watch};
use crate::kit::states::{self, By, Family, Held};
use crate::kit::tempdir::TempDir;
use crate::kit::{Impossible, PATIENCE, Result, Trial, poll, trial};

/// Connections per trial.
const LIVES: usize = 50;

/// A trial's name and body.
type Check = (&'static str, fn() -> Result<()>);

/// All trials of the tracer.
pub fn trials() -> Vec<Trial> {
    let checks: [Check; 11] = [
        ("every_transition_v4", || every_transition(&Server::v4()?)),
        ("every_transition_v6", || every_transition(&Server::v6()?)),
        ("reset", reset),
        ("refused_connect", refused_connect),
        ("rare_paths", rare_paths),
        ("mptcp", mptcp),
        ("kernel_side_filter", kernel_side_filter),
        ("losses_are_counted", losses_are_counted),
        ("cpus_that_come_and_go", cpus_that_come_and_go),
        ("idle_costs_no_wakeups", idle_costs_no_wakeups),
        ("events_stay_alive", events_stay_alive),
    ];
    checks.into_iter().map(|(name, check)| trial(format!("tracer::{name}"), check)).collect()
}

fn states(changes: &[ExactChange]) -> Vec<(State, State)> {
    changes.iter().map(|change| (change.from, change.to)).collect()
}

const CLIENT: [(State, State); 5] = [
    (State::Close, State::SynSent),
    (State::SynSent, State::Established),
    (State::Established, State::FinWait1),
    (State::FinWait1, State::FinWait2),
    (State::FinWait2, State::Close),
];

const SERVER: [(State, State); 5] = [
    (State::Listen, State::SynRecv),
    (State::SynRecv, State::Established),
    (State::Established, State::CloseWait),
    (State::CloseWait, State::LastAck),
    (State::LastAck, State::Close),
];

fn every_transition(server: &Server) -> Result<()> {
    let port = server.port();
    let mut watch = Watch::new(&TraceOptions::default())?;
    let mut cookies = Vec::new();
    for life in 0..LIVES {
        cookies.push(server.life()?);
        if life % 7 == 0 {
            watch.drain(Duration::from_millis(1))?;
        }
    }
    let seen = watch.finish()?;
    ensure!((seen.lost, seen.late) == (0, 0), "{} lost, {} late", seen.lost, seen.late);
    let mut clients = Vec::new();
    let mut servers = Vec::new();
    for (chain, changes) in seen.by_chain(port) {
        check_life(&seen, chain, &changes, port)?;
        let end = seen.end_of(chain).context("a socket without an end")?;
        let cookie = end.cookie.context("an end without a cookie")?.get();
        if changes[0].from == State::Listen { &mut servers } else { &mut clients }.push(cookie);
    }
    // In the order in which they were made, each once.
    ensure!(clients == cookies.iter().map(|c| c.client).collect::<Vec<_>>(), "{clients:?}");
    ensure!(servers == cookies.iter().map(|c| c.server).collect::<Vec<_>>(), "{servers:?}");
    Ok(())
}

/// One socket's changes are those of a client or of a server, with the right ends.
fn check_life(seen: &Seen, chain: u64, changes: &[ExactChange], port: u16) -> Result<()> {
    let is_client = changes.first().is_some_and(|first| first.from == State::Close);
    let wanted = if is_client { CLIENT } else { SERVER };
    ensure!(states(changes) == wanted, "chain {chain}: {changes:?}");
    ensure!(changes.iter().filter(|c| c.birth).count() == 1 && changes[0].birth, "{changes:?}");
    let last = changes[4];
    let meant = if is_client { EndsIn::TimeWaitOrClosed } else { EndsIn::Closed };
    ensure!(last.ends_in == Some(meant), "{last:?}");
    for change in &changes[1..] {
        ensure!(change.ends == last.ends && change.ends.is_whole(), "{changes:?}");
    }
    let (ours, theirs) = if is_client {
        (last.ends.remote, last.ends.local)
    } else {
        (last.ends.local, last.ends.remote)
    };
    ensure!(ours.port == port && ours.address == theirs.address, "{last:?}");
    ensure!(ours.address.to_ip().is_loopback(), "{last:?}");
    let end = seen.end_of(chain).context("no end")?;
    ensure!(end.at_ns >= last.at_ns && end.skaddr == last.skaddr, "{end:?}");
    Ok(())
}

fn reset() -> Result<()> {
    let server = Server::v4()?;
    let options = TraceOptions { annotations: true, ..TraceOptions::default() };
    let watch = Watch::new(&options)?;
    let cookies = server.reset()?;
    let seen = watch.finish()?;
    let chains = seen.by_chain(server.port());
    ensure!(chains.len() == 2, "{} chains", chains.len());
    for (chain, changes) in chains {
        let last = changes.last().context("nothing")?;
        ensure!((last.from, last.to) == (State::Established, State::Close), "{changes:?}");
        ensure!(last.ends_in == Some(EndsIn::Closed) && last.ends.is_whole(), "{last:?}");
        let end = seen.end_of(chain).context("no end")?;
        let cookie = end.cookie.context("no cookie")?.get();
        // The side that closed has lost its remote end by then; the chain has kept it.
        ensure!(end.ends == last.ends, "{end:?}");
        if cookie == cookies.client {
            ensure!(seen.has_remark(chain, Remark::ResetReceived), "no reset in {:?}", seen.all);
        } else {
            ensure!(cookie == cookies.server, "cookie {cookie:#x} of {cookies:x?}");
        }
    }
    Ok(())
}

fn refused_connect() -> Result<()> {
    let watch = Watch::new(&TraceOptions { annotations: true, ..TraceOptions::default() })?;
    let address = traffic::refused()?;
    let seen = watch.finish()?;
    let chains = seen.by_chain(address.port());
    let clients: Vec<_> =
        chains.iter().filter(|(_, changes)| changes[0].to == State::SynSent).collect();
    let [(chain, changes)] = clients[..] else { anyhow::bail!("{chains:?}") };
    let wanted = [(State::Close, State::SynSent), (State::SynSent, State::Close)];
    ensure!(states(changes) == wanted, "{changes:?}");
    ensure!(changes[1].ends_in == Some(EndsIn::Closed), "{changes:?}");
    ensure!(seen.has_remark(*chain, Remark::ResetReceived), "no reset");
    // Nobody's socket sent the reset.
    let sent = seen.all.iter().any(|exact| match exact {
        Exact::Note(note) => {
            note.chain.is_none()
                && matches!(note.remark, Remark::ResetSent { .. })
                && note.ends.local.port == address.port()
        }
        _ => false,
    });
    ensure!(sent, "no reset sent: {:?}", seen.all);
    Ok(())
}

/// The paths that few connections take.
fn rare_paths() -> Result<()> {
    // Linux 6.18 was seen to lose what happens while a CPU is idle, for `perf` too, until it is
    // started anew: then a segment that comes late takes its events along.
    let mut tried = rare_paths_once();
    for _ in 0..4 {
        if tried.is_ok() {
            break;
        }
        tried = rare_paths_once();
    }
    tried
}

fn rare_paths_once() -> Result<()> {
    let watch = Watch::new(&TraceOptions::default())?;
    let itself = states::self_connect(Family::V4)?;
    let closing = states::closing(Family::V6, By::Close)?;
    let orphan = states::fin_wait2(Family::V4, By::Close)?;
    let seen = watch.finish()?;
    let path_of = |held: &Held| -> Result<Vec<State>> {
        let chains = seen.by_chain(held.local.port());
        // The peer has the port as well, but not as its own; and a trial beside this one may
        // have it in its namespace, whose sockets are seen too.
        let is_it = |ends: &KnownEnds| {
            (ends.local.port, ends.remote.port) == (held.local.port(), held.remote.port())
        };
        let mut own = chains.values().filter(|c| {
            c.last().is_some_and(|c| is_it(&c.ends)) && c.iter().all(|c| c.to != State::Listen)
        });
        let changes = own.next().context("nothing seen")?;
        Ok(changes.iter().map(|change| change.to).collect())
    };
    let wanted = [State::SynSent, State::SynRecv, State::Established];
    ensure!(path_of(&itself)? == wanted, "{:?}", path_of(&itself));
    let path = path_of(&closing)?;
    ensure!(path.ends_with(&[State::FinWait1, State::Closing]), "{path:?}");
    // The stand-in that takes over is in FIN_WAIT2 still, not in TIME_WAIT.
    let path = path_of(&orphan)?;
    ensure!(path.ends_with(&[State::FinWait1, State::FinWait2, State::Close]), "{path:?}");
    Ok(())
}

/// An MPTCP connection is told twice: as itself, and as the subflow below it.
fn mptcp() -> Result<()> {
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP));
    let Ok(listener) = socket() else {
        return Err(Impossible("this kernel has no MPTCP".into()).into());
    };
    listener.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))?;
    listener.listen(8)?;
    let address = listener.local_addr()?;
    let port = address.as_socket().context("no address")?.port();
    let mut watch = Watch::new(&TraceOptions::default())?;
    let client = socket()?;
    client.connect(&address)?;
    let (server, _) = listener.accept()?;
    drop(client);
    poll("the end of the stream", || Ok(((&server).read(&mut [0; 4])? == 0).then_some(())))?;
    drop((server, listener));
    watch.drain(Duration::from_millis(200))?;
    let seen = watch.finish()?;
    let chains = seen.by_chain(port);
    let of = |transport| chains.values().filter(move |c| c[0].transport == transport).count();
    // Client, server and listener; of each the socket itself and the subflow.
    ensure!(of(Transport::Mptcp) >= 2 && of(Transport::Tcp) >= 2, "{chains:?}");
    for changes in chains.values() {
        ensure!(changes.iter().all(|c| c.transport == changes[0].transport), "{changes:?}");
    }
    Ok(())
}

fn kernel_side_filter() -> Result<()> {
    let (wanted, other) = (Server::v4()?, Server::v4()?);
    let filter = TraceFilter { tcp_only: true, ports: vec![(wanted.port(), wanted.port())] };
    let watch = Watch::new(&TraceOptions { filter, ..TraceOptions::default() })?;
    for _ in 0..LIVES {
        wanted.life()?;
        other.life()?;
    }
    let seen = watch.finish()?;
    let lives = seen.by_chain(wanted.port());
    ensure!(lives.len() == 2 * LIVES, "{} sockets", lives.len());
    for (chain, changes) in lives {
        check_life(&seen, chain, &changes, wanted.port())?;
    }
    // All but CLOSE → SYN_SENT, when there is no local port to filter by.
    for changes in seen.by_chain(other.port()).values() {
        ensure!(states(changes) == CLIENT[..1], "{changes:?}");
    }
    Ok(())
}

fn losses_are_counted() -> Result<()> {
    let server = Server::v4()?;
    let filter = TraceFilter { tcp_only: true, ports: vec![(server.port(), server.port())] };
    let options = TraceOptions {
        filter,
        ring_bytes: Some(rustix::param::page_size()),
        ..TraceOptions::default()
    };
    let mut watch = Watch::new(&options)?;
    for _ in 0..4 * LIVES {
        server.life()?;
    }
    watch.drain(Duration::ZERO)?;
    let full = |drained: &Drained| -> u64 {
        drained
            .gaps
            .iter()
            .map(|gap| match gap.cause {
                GapCause::RingFull { lost } => lost,
                _ => 0,
            })
            .sum()
    };
    let (mut lost, gaps) = (watch.drained.lost, full(&watch.drained));
    ensure!(lost > 0 && lost == gaps, "{lost} lost, {gaps} in gaps");
    // Until all of this is handed out: events ripen for a while.
    let after_ns = sockstate::testing::sys::clock::monotonic_ns();
    let mut found = watch.drained.events.len() as u64;
    poll("everything handed out", || {
        watch.drain(Duration::from_millis(20))?;
        lost += watch.drained.lost;
        found += watch.drained.events.len() as u64;
        Ok((watch.tracer.complete_ns() >= after_ns).then_some(()))
    })?;
    // Ten changes and two ends each. What others do at the same time comes on top.
    let happened = 4 * LIVES as u64 * 12;
    ensure!(found + lost >= happened, "{found} found and {lost} lost of {happened}");
    // And it is right again.
    watch.chains.forget();
    watch.seen = Seen::default();
    server.life()?;
    let seen = watch.finish()?;
    ensure!(seen.lost == 0, "{} lost", seen.lost);
    let chains = seen.by_chain(server.port());
    ensure!(chains.len() == 2, "{} chains", chains.len());
    chains.iter().try_for_each(|(chain, changes)| check_life(&seen, *chain, changes, server.port()))
}

fn cpus_that_come_and_go() -> Result<()> {
    let real = fs::read_to_string("/sys/devices/system/cpu/online")?;
    if !real.starts_with("0-") {
        return Err(Impossible("needs two CPUs".into()).into());
    }
    let dir = TempDir::new()?;
    let online_cpus = dir.path().join("online");
    fs::write(&online_cpus, "0\n")?;
    let options = TraceOptions { online_cpus: online_cpus.clone(), ..TraceOptions::default() };
    let mut watch = Watch::new(&options)?;
    fs::write(&online_cpus, &real)?;
    let started = gap(&mut watch, 1)?;
    ensure!(started == GapCause::Started, "{started:?}");
    let server = Server::v4()?;
    for _ in 0..LIVES {
        server.life()?;
    }
    fs::write(&online_cpus, "0\n")?;
    let offline = gap(&mut watch, 1)?;
    ensure!(offline == GapCause::Offline, "{offline:?}");
    let seen = watch.finish()?;
    let lives = seen.by_chain(server.port());
    // The listener's own CLOSE → LISTEN comes on top.
    ensure!(lives.len() == 2 * LIVES + 1, "{} sockets", lives.len());
    Ok(())
}

/// Drains until a gap of `cpu` is reported.
fn gap(watch: &mut Watch, cpu: u32) -> Result<GapCause> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        watch.drain(Duration::from_millis(100))?;
        if let Some(gap) = watch.drained.gaps.iter().find(|gap| gap.cpu == cpu) {
            ensure!(gap.from_ns < gap.to_ns, "{gap:?}");
            return Ok(gap.cause);
        }
    }
    anyhow::bail!("no gap of CPU {cpu}")
}

/// A handful of events wakes nobody: the timer ends the wait.
fn idle_costs_no_wakeups() -> Result<()> {
    let server = Server::v4()?;
    let filter = TraceFilter { tcp_only: true, ports: vec![(server.port(), server.port())] };
    let mut watch = Watch::new(&TraceOptions { filter, ..TraceOptions::default() })?;
    server.life()?;
    let before = Instant::now();
    watch.drain(Duration::from_millis(200))?;
    ensure!(before.elapsed() >= Duration::from_millis(190), "woken after {:?}", before.elapsed());
    ensure!(watch.drained.events.is_empty(), "not ripe yet");
    // The second look hands them out, and soon.
    let before = Instant::now();
    watch.drain(PATIENCE)?;
    ensure!(before.elapsed() < PATIENCE, "after {:?}", before.elapsed());
    ensure!(watch.drained.events.len() >= 12, "{} events", watch.drained.events.len());
    Ok(())
}

/// What finds events that have stopped finds none while they run.
fn events_stay_alive() -> Result<()> {
    // Says first whether tracing is possible at all.
    drop(Watch::new(&TraceOptions::default())?);
    let format = Tracefs::open()?.format(Tracepoint::SetState)?.context("no such tracepoint")?;
    let wanted = [Wanted { id: format.id, filter: None }];
    let mut events = CpuEvents::open(0, &wanted, rustix::param::page_size())
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    for look in 0..1_000 {
        ensure!(events.is_alive(), "stopped at look {look}");
    }
    Ok(())
}
