//! One tick of a monitor against the kernel's own dump.
//!
//! Both run in this process by turns, after 1 % of the sockets changed: a dump
//! that is thrown away, and a look of `engine::Stream`, owners included.

use std::mem::MaybeUninit;
use std::path::Path;

use sockstate::engine::{Engine, Events, Stream};
use sockstate::kernel::netlink::Progress;
use sockstate::kernel::request::{self, AF_INET, InetDump};
use sockstate::model::want::{Proto, TableId, Want};
use sockstate::source::Choice;
use sockstate::sys::netlink::{DiagSocket, End};

use super::measure::{cpu_ms, median};
use super::population::Population;

/// As the table names it.
pub const NAME: &str = "tick";

/// The tick's CPU time may be so many times the dump's.
const BAR: f64 = 1.3;

/// The tracker may hold so many bytes for each socket.
const BYTES_BAR: f64 = 128.0;

/// Looks, dumps, and compares.
pub fn measure(population: &mut Population, rounds: usize) -> Result<String, String> {
    let engine = Engine::new(Choice::Netlink, Path::new("/proc"));
    let tcp: Vec<TableId> = TableId::ALL.into_iter().filter(|t| t.proto == Proto::Tcp).collect();
    let (mut stream, _) = Stream::open(&engine, Want::all_of(tcp), Events::Poll)?;
    stream.look().map_err(|error| error.to_string())?;
    told(&mut stream);
    let (mut dumps, mut looks, mut changes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        dumps.push(timed(raw_dump)?);
        population.change_one_percent()?;
        looks.push(timed(|| stream.look().map(|_| ()).map_err(|error| error.to_string()))?);
        changes += told(&mut stream);
    }
    let ratio = median(looks.iter().zip(&dumps).map(|(look, dump)| look / dump).collect());
    let (look, dump) = (median(looks), median(dumps));
    let bytes = stream.bytes_per_socket();
    let sockets = population.size as f64;
    let word = |met: bool| if met { "yes" } else { "NO" };
    Ok(format!(
        "| {NAME}, {} transitions each (the kernel's own dump) | {look:.1} | {dump:.1} | {ratio:.3} | \
         {BAR} | {} | {:.0} (dump {:.0}) | | |\n| memory of the tracker, bytes a socket | {bytes:.1} | | \
         | {BYTES_BAR} | {} | | | |",
        changes / rounds,
        word(ratio <= BAR),
        look * 1e6 / sockets,
        dump * 1e6 / sockets,
        word(bytes <= BYTES_BAR),
    ))
}

fn told(stream: &mut Stream<'_>) -> usize {
    std::iter::from_fn(|| stream.next_told()).count()
}

/// Every TCP socket in one walk, received and thrown away.
fn raw_dump() -> Result<(), String> {
    let all = InetDump {
        family: AF_INET,
        protocol: 6,
        states: u32::MAX,
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
        End::Done => Ok(()),
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
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    cpu_ms(&usage)
}
