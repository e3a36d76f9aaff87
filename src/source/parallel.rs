//! The TCP tables by two dumps at once, on two netlink sockets.
//!
//! The kernel's walk is nearly all of a dump's time and two walks do not wait
//! for each other (`tcp_diag_dump` takes bucket locks only), so each thread
//! asks for one half of the ports by a filter program. The second thread only
//! receives; rows of both halves reach the sink in one thread.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::kernel::bytecode::{Code, End, Test, assemble};
use crate::kernel::netlink::{Datagram, Dump, Progress};
use crate::kernel::request;
use crate::model::state::State;
use crate::sys::netlink::{DiagSocket, End as DumpEnd, Outcome};
use crate::sys::procfs;

/// From so many sockets on a second thread helps.
const WORTH_IT: u64 = 50_000;

/// Sockets looked at to choose where to split.
const SAMPLE: usize = 600;

/// Smallest part, in percent, that the smaller half may be.
const BALANCE: usize = 30;

/// Datagrams under way between the threads: 2 MiB.
const IN_FLIGHT: usize = 64;

/// A port that halves the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split {
    end: End,
    port: u16,
}

/// A datagram on its way from one thread to the other.
struct Carried {
    bytes: Vec<u8>,
    full_len: usize,
    sender: u32,
}

/// Whether there are so many TCP sockets that a second thread helps.
pub(super) fn is_worth_it(proc_root: &Path) -> bool {
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    cpus > 1 && procfs::tcp_in_use(proc_root).is_some_and(|sockets| sockets >= WORTH_IT)
}

/// Looks at the first rows of a dump and chooses the port that halves them
/// best; `None` when none does, as when every socket has the same ports.
pub(super) fn choose(
    socket: &mut DiagSocket,
    plain: &dyn Fn(u32) -> Vec<u8>,
) -> io::Result<Option<Split>> {
    let (mut local, mut remote) = (Vec::new(), Vec::new());
    let outcome = socket.dump(plain, &mut |payload| {
        let message = crate::kernel::inet_diag::InetMessage::parse(payload);
        if let Some(row) = message.filter(|row| row.state() != State::Listen.number()) {
            local.push(row.local_port());
            remote.push(row.remote_port());
        }
        if local.len() < SAMPLE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    socket.reopen()?;
    if let DumpEnd::Failed(error) = outcome.end {
        return Err(error);
    }
    Ok(best(&mut local, &mut remote))
}

fn best(local: &mut [u16], remote: &mut [u16]) -> Option<Split> {
    let candidates = [(End::Local, halve(local)), (End::Remote, halve(remote))];
    let found = candidates.into_iter().filter_map(|(end, half)| Some((end, half?)));
    let (end, (port, smaller)) = found.max_by_key(|(_, (_, smaller))| *smaller)?;
    (smaller >= BALANCE).then_some(Split { end, port })
}

/// The port up to which about half of the sockets lie, and the smaller part in
/// percent.
fn halve(ports: &mut [u16]) -> Option<(u16, usize)> {
    ports.sort_unstable();
    let median = *ports.get(ports.len() / 2)?;
    // A port that many share may lie on either side.
    [median, median.saturating_sub(1)]
        .into_iter()
        .map(|port| {
            let below = ports.partition_point(|other| *other <= port);
            (port, below.min(ports.len() - below) * 100 / ports.len())
        })
        .max_by_key(|(_, smaller)| *smaller)
}

/// The programs of the two halves; `None` when the split cannot be expressed.
pub(super) fn programs(split: Split) -> Option<[Vec<u8>; 2]> {
    let low = Code::Test(Test::PortUpTo(split.end, split.port));
    let high = Code::Test(Test::PortFrom(split.end, split.port.checked_add(1)?));
    Some([assemble(&low).ok()?, assemble(&high).ok()?])
}

/// Runs both halves and hands every row's payload to `row`; the outcome of
/// each.
pub(super) fn dump(
    socket: &mut DiagSocket,
    [low, high]: &[Vec<u8>; 2],
    plain: &(dyn Fn(u32) -> Vec<u8> + Sync),
    row: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<[Outcome; 2]> {
    let mut second = DiagSocket::open()?;
    let (sender, receiver) = sync_channel(IN_FLIGHT);
    thread::scope(|scope| {
        let other = scope.spawn(move || {
            carry(&mut second, &|seq| request::with_program(plain(seq), high), &sender)
        });
        let mut carried = Dump::new(1);
        let ours = socket.exchange(
            &|seq| request::with_program(plain(seq), low),
            &mut |dump, datagram| match dump.feed(datagram, row) {
                Progress::Stopped => Progress::Stopped,
                progress => match take(&receiver, &mut carried, row, false) {
                    ControlFlow::Continue(()) => progress,
                    ControlFlow::Break(()) => Progress::Stopped,
                },
            },
        );
        if !matches!(ours.end, DumpEnd::Stopped) {
            let _ = take(&receiver, &mut carried, row, true);
        }
        drop(receiver);
        let theirs = other.join().map_err(|_| io::Error::other("the second dump panicked"))?;
        Ok([ours, Outcome { dump: carried, end: theirs.end }])
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
) -> Outcome {
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

    #[test]
    fn the_end_with_the_better_balance_is_chosen() {
        // A server: one local port, clients from anywhere.
        let mut local = vec![443; 100];
        let mut remote: Vec<u16> = (0..100).map(|i| 40_000 + i).collect();
        let split = best(&mut local, &mut remote).expect("remote ports differ");
        assert_eq!(split.end, End::Remote);
        assert!((40_045..40_055).contains(&split.port));
    }

    #[test]
    fn a_port_that_half_of_them_share_is_kept_in_one_half() {
        let mut local: Vec<u16> = (0..50).map(|i| 40_000 + i).chain([7000; 50]).collect();
        let mut remote = vec![7000; 100];
        let split = best(&mut local, &mut remote).expect("local ports differ");
        let below = local.iter().filter(|port| **port <= split.port).count();
        assert_eq!((split.end, below), (End::Local, 50));
    }

    #[test]
    fn sockets_that_are_all_alike_are_not_split() {
        assert_eq!(best(&mut [80; 100], &mut [90; 100]), None);
        assert_eq!(best(&mut [], &mut []), None);
    }
}
