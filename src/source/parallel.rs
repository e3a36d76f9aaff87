//! The TCP tables by two dumps at once, on two netlink sockets.
//!
//! The kernel's walk is nearly all of a dump's time and two walks do not wait
//! for each other (`tcp_diag_dump` takes bucket locks only), so each thread
//! asks for one part of the ports by a filter program. The second thread only
//! receives; rows of both parts reach the sink in one thread.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::kernel::bytecode::{Code, SocketEnd, Test, assemble};
use crate::kernel::inet_diag::InetMessage;
use crate::kernel::netlink::{Datagram, Dump, Progress};
use crate::kernel::request::{self, InetDump};
use crate::model::state::{State, StateSet};
use crate::sys::netlink::{DiagSocket, DumpEnd, DumpOutcome};
use crate::sys::procfs::{self, TcpInUse};

/// From so many sockets on a second thread helps.
const WORTH_IT: u64 = 50_000;

/// Sockets looked at to choose where to split.
const SAMPLE: usize = 600;

/// The part of the table, in percent, that the first thread is to read: it also
/// writes every row, and walks the bound sockets where they are asked for.
const FIRST_PART: usize = 35;

/// Smallest part, in percent, for which a second thread helps.
const SMALLEST: usize = 20;

/// Datagrams under way between the threads: 2 MiB.
const IN_FLIGHT: usize = 64;

/// A port that parts the table: below it, and from it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split {
    end: SocketEnd,
    port: u16,
    /// The side that the first thread reads.
    first: SplitSide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SplitSide {
    Below,
    From,
}

/// The way in which a table is to be read.
pub(super) enum Way {
    /// By two threads.
    ByTwo(Split),
    /// By one: there is little in it, or no port parts it.
    ByOne,
    /// The look at its first rows has found all there are.
    Read(DumpOutcome, Payloads),
}

/// Payloads of rows, one behind the other.
#[derive(Default)]
pub(super) struct Payloads {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Payloads {
    fn push(&mut self, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        self.ends.push(self.bytes.len());
    }

    /// Returns each of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// A datagram on its way from one thread to the other.
struct Carried {
    bytes: Vec<u8>,
    full_len: usize,
    sender: u32,
}

/// Tells whether there are so many TCP sockets in these states that a second thread
/// helps, and a CPU for it. To leave a socket out costs an eighth of sending it,
/// and both threads walk them all: so what counts is what is sent. On a busy
/// machine two threads take more and are not sooner there.
pub(super) fn is_worth_it(states: StateSet, proc_root: &Path) -> bool {
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let is_large = |in_use| filling(states, in_use) >= WORTH_IT;
    cpus > 1
        && procfs::tcp_in_use(proc_root).is_some_and(is_large)
        // One of those that run is this thread.
        && procfs::running(proc_root).is_none_or(|running| running <= cpus as u64)
}

/// Returns the sockets of those of `states` that can fill a table.
fn filling(states: StateSet, in_use: TcpInUse) -> u64 {
    let of = |state, count| if states.contains(state) { count } else { 0 };
    of(State::Established, in_use.full).saturating_add(of(State::TimeWait, in_use.time_wait))
}

/// Looks at the first rows of a dump and chooses the way to read it all.
pub(super) fn choose(socket: &mut DiagSocket, ask: InetDump) -> io::Result<Way> {
    let few = StateSet::from_iter([State::Listen, State::Close, State::Bound]);
    if ask.states & !few.bits() == 0 {
        return Ok(Way::ByOne);
    }
    // The walk over bound sockets comes first and is no sample of the rest.
    let sampled = without_bound(ask);
    let (mut local, mut remote, mut rows) = (Vec::new(), Vec::new(), Payloads::default());
    let outcome = socket.dump(&|seq| request::tcp_dump_both(sampled, seq), &mut |payload| {
        let message = InetMessage::parse(payload);
        if let Some(row) = message.filter(|row| row.state() != State::Listen.number()) {
            local.push(row.local_port());
            remote.push(row.remote_port());
        }
        rows.push(payload);
        if local.len() < SAMPLE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    Ok(match outcome.end {
        DumpEnd::Failed(error) => return Err(error),
        DumpEnd::Done if sampled == ask => Way::Read(outcome, rows),
        DumpEnd::Done => Way::ByOne,
        DumpEnd::Stopped => {
            socket.reopen()?;
            best(&mut local, &mut remote).map_or(Way::ByOne, Way::ByTwo)
        }
    })
}

fn without_bound(ask: InetDump) -> InetDump {
    InetDump { states: ask.states & !StateSet::from(State::Bound).bits(), ..ask }
}

fn best(local: &mut [u16], remote: &mut [u16]) -> Option<Split> {
    let all = splits(SocketEnd::Local, local).into_iter().chain(splits(SocketEnd::Remote, remote));
    let (split, part) = all.min_by_key(|(_, part)| part.abs_diff(FIRST_PART))?;
    (SMALLEST..=100 - SMALLEST).contains(&part).then_some(split)
}

/// Returns ways to part the sockets by their ports at one end, each with the
/// first thread's part in percent.
fn splits(end: SocketEnd, ports: &mut [u16]) -> Vec<(Split, usize)> {
    ports.sort_unstable();
    let count = ports.len().max(1);
    let of = |part: usize| ports.get(ports.len() * part / 100).copied();
    let [low, high] = [of(FIRST_PART), of(100 - FIRST_PART)];
    // A port that many share may lie on either side.
    let around =
        |port: Option<u16>| port.into_iter().flat_map(|port| [port, port.saturating_add(1)]);
    let below = |port| ports.partition_point(|other| *other < port) * 100 / count;
    let from_low =
        around(low).map(|port| (Split { end, port, first: SplitSide::Below }, below(port)));
    let from_high =
        around(high).map(|port| (Split { end, port, first: SplitSide::From }, 100 - below(port)));
    from_low.chain(from_high).filter(|(split, _)| split.port > 0).collect()
}

/// Returns the programs of the two parts; `None` when the split cannot be expressed.
///
/// All that a walk over bound sockets can find is in the first part, if one is
/// `asked` for: such a socket has no peer, or a port that `bind` chose, which
/// survives a reset (`tcp_set_state`). So the second part need not walk them.
pub(super) fn programs(split: Split, asked: InetDump) -> Option<[Vec<u8>; 2]> {
    let Split { end, port, first } = split;
    let below = Code::Test(Test::PortUpTo(end, port.checked_sub(1)?));
    let from = Code::Test(Test::PortFrom(end, port));
    let (this, that) = if first == SplitSide::Below { (below, from) } else { (from, below) };
    if asked == without_bound(asked) {
        return Some([assemble(&this).ok()?, assemble(&that).ok()?]);
    }
    let first = Code::Or(vec![
        this,
        Code::Test(Test::PortUpTo(SocketEnd::Remote, 0)),
        Code::Not(Box::new(Code::Test(Test::Unbound))),
    ]);
    let second = Code::And(vec![
        that,
        Code::Test(Test::PortFrom(SocketEnd::Remote, 1)),
        Code::Test(Test::Unbound),
    ]);
    Some([assemble(&first).ok()?, assemble(&second).ok()?])
}

/// Why there is no dump by two threads.
pub(super) enum Unable {
    /// There is no second socket, or no second thread: nothing was read.
    Begin,
    /// It broke off.
    End(io::Error),
}

/// Reads both parts and hands every row's payload to `row`; the outcome of
/// each.
pub(super) fn dump(
    socket: &mut DiagSocket,
    [first, second]: &[Vec<u8>; 2],
    ask: InetDump,
    row: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<[DumpOutcome; 2], Unable> {
    let mut other_socket = DiagSocket::open().map_err(|_| Unable::Begin)?;
    let (sender, receiver) = sync_channel(IN_FLIGHT);
    let request =
        |ask, program: &[u8], seq| request::with_program(request::tcp_dump_both(ask, seq), program);
    thread::scope(|scope| {
        let carrying = move || {
            let ask = without_bound(ask);
            carry(&mut other_socket, &|seq| request(ask, second, seq), &sender)
        };
        let other =
            thread::Builder::new().spawn_scoped(scope, carrying).map_err(|_| Unable::Begin)?;
        let mut carried = Dump::new(1);
        let ours =
            socket.exchange(&|seq| request(ask, first, seq), &mut |dump, datagram| match dump
                .feed(datagram, row)
            {
                Progress::Stopped => Progress::Stopped,
                progress => match take(&receiver, &mut carried, row, false) {
                    ControlFlow::Continue(()) => progress,
                    ControlFlow::Break(()) => Progress::Stopped,
                },
            });
        if !matches!(ours.end, DumpEnd::Stopped) {
            let _ = take(&receiver, &mut carried, row, true);
        }
        drop(receiver);
        let panicked = |_| Unable::End(io::Error::other("the second dump panicked"));
        let theirs = other.join().map_err(panicked)?;
        Ok([ours, DumpOutcome { dump: carried, end: theirs.end }])
    })
}

/// Feeds what the other thread has received, all of it when `to_the_end`.
fn take(
    receiver: &Receiver<Carried>,
    dump: &mut Dump,
    row: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    to_the_end: bool,
) -> ControlFlow<()> {
    loop {
        let next = if to_the_end { receiver.recv().ok() } else { receiver.try_recv().ok() };
        let Some(Carried { bytes, full_len, sender }) = next else {
            return ControlFlow::Continue(());
        };
        let datagram = Datagram { bytes: &bytes, full_len, sender };
        if dump.feed(datagram, row) == Progress::Stopped {
            return ControlFlow::Break(());
        }
    }
}

/// Receives one dump and sends its datagrams on.
fn carry(
    socket: &mut DiagSocket,
    ask: &dyn Fn(u32) -> Vec<u8>,
    to: &SyncSender<Carried>,
) -> DumpOutcome {
    socket.exchange(ask, &mut |dump, datagram| {
        let progress = dump.feed(datagram, &mut |_| ControlFlow::Continue(()));
        let Datagram { bytes, full_len, sender } = datagram;
        let carried = Carried { bytes: bytes.to_vec(), full_len, sender };
        // The receiver is gone when nobody wants more.
        if to.send(carried).is_err() { Progress::Stopped } else { progress }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bytecode::{Entry, run};

    fn ask(states: StateSet) -> InetDump {
        let states = states.bits();
        InetDump { family: 2, protocol: 6, states, extensions: 0, local_port: 0 }
    }

    /// Returns the number of these sockets that the first thread reads.
    fn first(split: Split, local: &[u16], remote: &[u16]) -> usize {
        let ports = if split.end == SocketEnd::Local { local } else { remote };
        let below = ports.iter().filter(|port| **port < split.port).count();
        if split.first == SplitSide::Below { below } else { ports.len() - below }
    }

    #[test]
    fn the_end_with_the_better_balance_is_chosen() {
        // A server: one local port, clients from anywhere.
        let mut local = vec![443; 100];
        let mut remote: Vec<u16> = (0..100).map(|i| 40_000 + i).collect();
        let split = best(&mut local, &mut remote).expect("remote ports differ");
        assert_eq!(split.end, SocketEnd::Remote);
        assert_eq!(first(split, &local, &remote), 35);
    }

    #[test]
    fn a_port_that_half_of_them_share_leaves_the_other_half_to_be_parted() {
        // Both ends of connections to one server.
        let mut local: Vec<u16> = (0..50).map(|i| 40_000 + i).chain([7000; 50]).collect();
        let mut remote = local.clone();
        remote.reverse();
        let split = best(&mut local, &mut remote).expect("local ports differ");
        assert!((34..=36).contains(&first(split, &local, &remote)), "{split:?}");
        // Nothing else to part by: half of them it is.
        let mut local: Vec<u16> = [7000; 50].into_iter().chain([8000; 50]).collect();
        let split = best(&mut local, &mut [9000; 100]).expect("two local ports");
        assert_eq!(first(split, &local, &[9000; 100]), 50);
    }

    #[test]
    fn sockets_that_are_all_alike_are_not_split() {
        assert_eq!(best(&mut [80; 100], &mut [90; 100]), None);
        assert_eq!(best(&mut [], &mut []), None);
    }

    #[test]
    fn every_socket_is_in_one_part_and_all_bound_ones_in_the_first() {
        let ends = [SocketEnd::Local, SocketEnd::Remote].into_iter();
        for (end, first) in ends.flat_map(|end| [(end, SplitSide::Below), (end, SplitSide::From)]) {
            let split = Split { end, port: 40_000, first };
            let [first, second] = programs(split, ask(StateSet::ALL)).expect("programs");
            for (local, remote) in [(0, 0), (80, 0), (50_000, 0), (80, 50_000), (50_000, 80)] {
                for bound in [false, true] {
                    let entry =
                        Entry { local_port: local, remote_port: remote, bound, ..Entry::default() };
                    let in_first = run(&first, &entry);
                    assert_ne!(in_first, run(&second, &entry), "{end:?} {local} {remote} {bound}");
                    assert!(in_first || remote != 0 && !bound, "{end:?} {local} {remote} {bound}");
                }
            }
        }
    }

    #[test]
    fn without_a_walk_over_bound_sockets_the_ports_alone_part_the_table() {
        let split = Split { end: SocketEnd::Remote, port: 40_000, first: SplitSide::Below };
        let connected = ask(StateSet::ALL.without(State::Bound.into()));
        let [first, second] = programs(split, connected).expect("programs");
        for remote_port in [0, 80, 39_999, 40_000, 65_535] {
            let entry = Entry { remote_port, bound: true, ..Entry::default() };
            assert_eq!(run(&first, &entry), remote_port < 40_000);
            assert_eq!(run(&second, &entry), remote_port >= 40_000);
        }
    }
}
