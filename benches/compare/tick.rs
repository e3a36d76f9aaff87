//! One tick of a monitor against the kernel's own dump.
//!
//! All in this process by turns, after 1 % of the sockets changed: a dump that
//! is thrown away; a look of `machine::Stream`, that is dump and tracker, with
//! owners known before; and a whole round of `machine::Rounds`, rules included.
//! The search for owners runs beside them, in a thread of its own and for a
//! tenth of the time at most, and is not in these numbers.

use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::path::Path;

use sockstate::testing::kernel::netlink::Progress;
use sockstate::testing::kernel::request::{self, AF_INET, InetDump};
use sockstate::testing::live::{Events, Rounds, Stream, Watched, Wishes};
use sockstate::testing::machine::Machine;
use sockstate::testing::model::owner::Owners;
use sockstate::testing::model::proto::{Proto, TableId};
use sockstate::testing::model::state::{State, StateSet};
use sockstate::testing::model::want::Want;
use sockstate::testing::rules::Config;
use sockstate::testing::source::Choice;
use sockstate::testing::sys::netlink::{DiagSocket, DumpEnd};

use super::MEMORY;
use super::measure::{cpu_ms, median};
use super::population::Population;

/// As the table names it.
pub const NAME: &str = "tick";

/// A look's CPU time may be so many times the dump's.
const BAR: f64 = 1.3;

/// The tracker may hold so many bytes for each socket.
const BYTES_BAR: f64 = 128.0;

/// Looks, dumps, and compares.
pub fn measure(population: &mut Population, rounds: usize) -> Result<String, String> {
    let machine = Machine::new(Choice::Netlink, Path::new("/proc"));
    let tables: Vec<TableId> = TableId::ALL.into_iter().filter(|t| t.proto == Proto::Tcp).collect();
    let want = Want::all_of(tables.clone());
    let (mut stream, _) = Stream::open(&machine, want.clone(), Events::Poll)?;
    let config = Config::default();
    let (machine, config) = (&machine, &config);
    let watched = Watched { machine, tables, config, custom: &[] };
    let (mut watcher, _) = Rounds::with_events(watched, Events::Poll)?;
    let nobody = Owners::default();
    let look = |stream: &mut Stream<'_>| {
        stream.begin();
        let scanned = machine.scan(&want, &mut |row| {
            stream.row(row);
            ControlFlow::Continue(())
        });
        stream.end(scanned.as_ref().ok());
        stream.set_owners(&nobody);
        stream.settle();
        scanned.map(drop).map_err(|error| error.to_string())
    };
    let round = |watcher: &mut Rounds<'_>| {
        watcher.round(Wishes::default()).map(|_| ()).map_err(|error| error.to_string())
    };
    look(&mut stream)?;
    round(&mut watcher)?;
    let (mut dumps, mut looks, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let mut changes = 0;
    std::iter::from_fn(|| stream.next_item()).for_each(drop);
    for _ in 0..rounds {
        dumps.push(timed(|| raw_dump(StateSet::ALL))?);
        population.change_one_percent()?;
        looks.push(timed(|| look(&mut stream))?);
        whole.push(timed(|| round(&mut watcher))?);
        changes += std::iter::from_fn(|| stream.next_item()).count();
        std::iter::from_fn(|| watcher.next_item()).for_each(drop);
    }
    let ratio =
        |times: &[f64]| median(times.iter().zip(&dumps).map(|(t, dump)| t / dump).collect());
    let (look_ratio, round_ratio) = (ratio(&looks), ratio(&whole));
    let sockets = population.size as f64;
    let with = MEMORY.current_usage();
    drop(stream);
    let bytes = (with - MEMORY.current_usage()) as f64 / sockets;
    let ns = |ms: f64| ms * 1e6 / sockets;
    let word = |met: bool| if met { "yes" } else { "NO" };
    let unbound = StateSet::ALL.without(State::Bound.into()).without(State::Close.into());
    let without = median((0..3).map(|_| timed(|| raw_dump(unbound))).collect::<Result<_, _>>()?);
    let (look, round, dump) = (median(looks), median(whole), median(dumps));
    Ok(format!(
        "| {NAME}: dump and tracker, {} transitions (the kernel's own dump) | {look:.1} / \
         {dump:.1} | {look_ratio:.3} | | | {BAR} | {} | {:.0} (dump {:.0}, without bound sockets \
         {:.0}) | |\n\
         | {NAME}: a round of watch, rules included | {round:.1} / {dump:.1} | {round_ratio:.3} | | \
         | | | {:.0} | |\n\
         | tracker, bytes a socket | {bytes:.1} | | | | {BYTES_BAR} | {} | | |",
        changes / rounds.max(1),
        word(look_ratio <= BAR),
        ns(look),
        ns(dump),
        ns(without),
        ns(round),
        word(bytes <= BYTES_BAR),
    ))
}

/// Every TCP socket in one walk, received and thrown away.
fn raw_dump(states: StateSet) -> Result<(), String> {
    let all = InetDump {
        family: AF_INET,
        protocol: 6,
        states: states.bits(),
        extensions: 0,
        local_port: 0,
    };
    let mut socket = DiagSocket::open().map_err(|error| error.to_string())?;
    let outcome = socket.exchange(&|seq| request::tcp_dump_both(all, seq), &mut |_, datagram| {
        // NLMSG_DONE comes in a datagram of its own or as the last message;
        // it is the only one that begins so short.
        if ends(datagram.bytes) { Progress::Done } else { Progress::More }
    });
    match outcome.end {
        DumpEnd::Done => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// Whether the last message of a datagram is `NLMSG_DONE`: 20 bytes, type 3.
fn ends(bytes: &[u8]) -> bool {
    let last = bytes.len().checked_sub(20).and_then(|at| bytes.get(at..));
    last.is_some_and(|message| message.starts_with(&[20, 0, 0, 0, 3, 0]))
}

fn timed(mut run: impl FnMut() -> Result<(), String>) -> Result<f64, String> {
    let before = used();
    run()?;
    Ok(used() - before)
}

#[expect(unsafe_code, reason = "rustix has no getrusage")]
fn used() -> f64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to our own variable; all zeros is a value of it.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
        usage.assume_init()
    };
    cpu_ms(&usage)
}
