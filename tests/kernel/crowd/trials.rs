//! The comparison.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use socket2::{Domain, Socket, Type};
use sockstate::testing::model::proto::{Family, Proto, TableId};
use sockstate::testing::query::Selection;
use sockstate::testing::source::Shortcuts;
use sockstate::testing::survey;
use sockstate::testing::sys::tcp_census;

use super::answers::{self, WAYS};
use super::population::{self, Population};
use crate::differential::ss::{self, InetRow};
use crate::kit::{Impossible, Result, Trial, plain_trial, poll};

/// Sockets, unless the environment says otherwise.
const CROWD: u64 = 100_000;

/// Looks by each way while sockets come and go.
const ROUNDS: usize = 1;

/// How often we wait for two equal answers of `ss`.
const TRIES: usize = 20;

/// The one trial.
pub fn trials() -> Vec<Trial> {
    vec![
        plain_trial("every_way_to_read_gives_the_same", || {
            let size = std::env::var("SOCKSTATE_CROWD").map_or(Ok(CROWD), |text| text.parse())?;
            if !rustix::process::geteuid().is_root() {
                return Err(Impossible("a connection table of one's own needs root".into()).into());
            }
            if let Some(why) = population::does_not_fit(size) {
                return Err(Impossible(why).into());
            }
            let mut population = Population::make(size).map_err(|error| anyhow!(error))?;
            let alone = census();
            let bound = bound_and_reset()?;
            ensure!(!census(), "it passes over bound sockets");
            while_nothing_changes(size, 6)?;
            drop(bound);
            // Whether others of this machine hold such sockets is not for us to say.
            ensure!(census() || !alone, "there is no bound socket any more");
            while_nothing_changes(size, 0)?;
            listeners()?;
            while_some_change(&mut population).with_context(|| population.describe())
        })
        .that_floods(),
    ]
}

fn census() -> bool {
    (0..10).any(|_| tcp_census::all_in_tables(Path::new("/proc")))
}

/// Sockets that only a walk over bound sockets finds: bound and not connected, on low and high
/// ports, by `bind` and by the kernel's choice, and one with a peer, which was reset.
fn bound_and_reset() -> Result<Vec<Socket>> {
    let mut held = Vec::new();
    for port in [0, 0, 1, 2_000, 64_000, 65_535] {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 9], port)).into())?;
        held.push(socket);
    }
    for port in [1_234, 60_000] {
        let listener = std::net::TcpListener::bind("127.0.0.9:0")?;
        let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        client.bind(&std::net::SocketAddr::from(([127, 0, 0, 9], port)).into())?;
        client.connect(&listener.local_addr()?.into())?;
        let (server, _) = listener.accept()?;
        Socket::from(server).set_linger(Some(Duration::ZERO))?;
        held.push(client);
    }
    let is_reset = |row: &InetRow| row.state == "CLOSE" && row.remote.port() != 0;
    poll("two sockets in CLOSE with a peer", || {
        let rows = answers::rows(Shortcuts::NONE)?;
        Ok((rows.iter().filter(|row| is_reset(row)).count() == 2).then_some(()))
    })?;
    Ok(held)
}

/// Row for row what `ss` says, by every way; and the same counts.
fn while_nothing_changes(size: u64, idle: usize) -> Result<()> {
    let mut quiet = 0;
    for _ in 0..TRIES {
        let before = listed_by_ss()?;
        let ours = WAYS.map(|(name, way)| (name, answers::rows(way), answers::counts(way)));
        if listed_by_ss()? != before {
            // TIME_WAIT ends by itself.
            continue;
        }
        let [(_, plain, counts), others @ ..] = ours;
        let (plain, counts) = (plain?, counts?);
        let shown: Vec<_> = plain.iter().filter(|row| is_shown_by_ss(row)).cloned().collect();
        ensure!(shown == before, "ss and plain: {}", difference(&before, &shown));
        ensure!(plain.len() as u64 > size, "only {} rows", plain.len());
        let bound = plain.iter().filter(|row| row.state == "BOUND").count();
        ensure!(bound >= idle, "{bound} bound sockets");
        for (name, rows, other_counts) in others {
            let (rows, other_counts) = (rows?, other_counts?);
            ensure!(rows == plain, "plain and {name}: {}", difference(&plain, &rows));
            ensure!(other_counts == counts, "{name}: {other_counts:?}, plain {counts:?}");
        }
        ensure!(counts.values().sum::<u64>() == plain.len() as u64, "{counts:?}");
        quiet += 1;
        if quiet == 2 {
            return Ok(());
        }
    }
    bail!("ss never says the same twice")
}

/// The quick search for the owners of listeners finds what the whole one finds.
fn listeners() -> Result<()> {
    let mut want = answers::everything();
    want.tables.retain(|table| *table == TableId { proto: Proto::Tcp, family: Family::Inet });
    let machine = answers::machine(Shortcuts::default());
    let [quick, thorough] = [false, true]
        .map(|thorough| survey::listeners(&machine, &Selection::all(want.clone()), thorough));
    let (quick, thorough) = (quick?, thorough?);
    ensure!(quick.listeners.len() == thorough.listeners.len() && quick.listeners.len() > 20);
    for (listener, same) in quick.listeners.iter().zip(&thorough.listeners) {
        ensure!(listener.socket == same.socket && listener.queue == same.queue);
        let inode = listener.socket.inode;
        let holders = quick.owners.of(inode);
        ensure!(!holders.is_empty() && holders == thorough.owners.of(inode), "inode {inode}");
        ensure!(listener.syn_queue.is_none_or(|len| Some(len) == same.syn_queue));
    }
    Ok(())
}

/// What `ss` shows before and after, every way shows in between, once; and it shows nothing that
/// neither knows, but for what came and went meanwhile.
fn while_some_change(population: &mut Population) -> Result<()> {
    let (stop, changes) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let churn = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                changes.fetch_add(population.change_one_percent()?, Ordering::Relaxed);
            }
            Ok::<(), String>(())
        });
        let looked =
            (0..ROUNDS).try_for_each(|_| WAYS.iter().try_for_each(|way| look(way, &changes)));
        stop.store(true, Ordering::Relaxed);
        let churned = churn.join().map_err(|_| anyhow!("the churn panicked"))?;
        looked?;
        churned.map_err(|error| anyhow!(error))
    })
}

fn look((name, way): &(&str, Shortcuts), changes: &AtomicU64) -> Result<()> {
    let begun = changes.load(Ordering::Relaxed);
    poll("some changes", || Ok((changes.load(Ordering::Relaxed) > begun).then_some(())))?;
    let before = calmed(listed_by_ss()?);
    let ours = calmed(answers::rows(*way)?);
    let after = calmed(listed_by_ss()?);
    let mut keys: Vec<_> = ours.iter().map(key).collect();
    keys.sort_unstable();
    let has = |rows: &[InetRow], row: &InetRow| rows.binary_search(row).is_ok();
    let lasting = before.iter().filter(|row| has(&after, row));
    let mut missing: Vec<_> = lasting.filter(|row| !has(&ours, row)).collect();
    if !missing.is_empty() {
        // A dump may pass over a socket of a chain that changes under it (`tcp_diag_dump`); the
        // next one has it, or it has ended.
        let (again, still) = (calmed(answers::rows(*way)?), calmed(listed_by_ss()?));
        missing.retain(|row| has(&still, row) && !has(&again, row));
    }
    ensure!(missing.is_empty(), "{name} lacks {} rows: {:?}", missing.len(), missing.first());
    let unknown =
        ours.iter().filter(|row| is_shown_by_ss(row) && !has(&before, row) && !has(&after, row));
    // Each change touches the two ends of a connection that ends, and of one that begins.
    let most = (changes.load(Ordering::Relaxed) - begun) * 4 + 4;
    let unknown = unknown.count() as u64;
    ensure!(unknown <= most, "{name}: {unknown} rows that ss does not know, {most} changes");
    let twice = keys.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
    // A socket that changes its place while the table is walked may be met again.
    ensure!(twice <= most, "{name}: {twice} rows twice");
    Ok(())
}

/// Without the length of accept queues, through which connections pass.
fn calmed(mut rows: Vec<InetRow>) -> Vec<InetRow> {
    for row in rows.iter_mut().filter(|row| row.state == "LISTEN") {
        row.recv_q = 0;
    }
    rows.sort();
    rows
}

fn key(row: &InetRow) -> (Option<u64>, u16, u16) {
    (row.cookie, row.local.port(), row.remote.port())
}

/// `ss` 6.1 does not ask for bound sockets, and shows none in CLOSE.
fn is_shown_by_ss(row: &InetRow) -> bool {
    row.state != "BOUND" && row.state != "CLOSE"
}

fn listed_by_ss() -> Result<Vec<InetRow>> {
    let mut rows = ss::inet("-tane")?;
    rows.retain(is_shown_by_ss);
    rows.sort();
    Ok(rows)
}

fn difference(some: &[InetRow], others: &[InetRow]) -> String {
    let lone = |rows: &[InetRow], others: &[InetRow]| -> Vec<String> {
        let lone = rows.iter().filter(|row| others.binary_search(row).is_err());
        lone.take(5).map(|row| format!("{row:?}")).collect()
    };
    let (here, there) = (lone(some, others), lone(others, some));
    format!("{} and {} rows, only here {here:?}, only there {there:?}", some.len(), others.len())
}
