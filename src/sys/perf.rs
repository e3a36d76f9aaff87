//! The tracepoints of TCP as a stream of events, in the order of their times.
//!
//! Every CPU has a ring of its own; the reader sleeps until one is a quarter
//! full or its timer ends and is never woken by a single event, which would
//! cost the traced program 16 µs each. Records of all rings are merged by
//! time. A record becomes visible shortly after the time in it, so an event is
//! handed out only when a later look at every ring, at least [`SETTLE`] after
//! its time, found nothing older.

use std::ffi::CString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::kernel::perf_ring::{RingRecord, RingRecords};
use crate::kernel::trace_format::TraceFormat;
use crate::kernel::tracepoint::{Decoders, TraceEvent, TraceFilter, Tracepoint};

use super::clock::monotonic_ns;
use super::perf_cpu::{CpuEvents, OpenError, Wanted, parse_cpu_list, ring_bytes};
use super::perf_error::TraceError;
use super::perf_gap::{GapCause, TraceGap};
use super::tracefs::Tracefs;

/// The time after which a record is surely in its ring. Between the two the
/// kernel has preemption disabled; only interrupts come in between.
pub const SETTLE: Duration = Duration::from_millis(10);

/// The time between two readings of the list of CPUs.
const CPU_CHECK: Duration = Duration::from_secs(1);

/// The time after which each CPU is asked again whether its events still run.
const ALIVE_CHECK: Duration = Duration::from_secs(10);

/// The tracepoints to trace, and how.
#[derive(Clone, Debug)]
pub struct TraceOptions {
    /// Retransmits and resets as well.
    pub annotations: bool,
    /// The events that the kernel shall leave out.
    pub filter: TraceFilter,
    /// Bytes of each CPU's ring, a power of two; absent chooses by the number
    /// of CPUs.
    pub ring_bytes: Option<usize>,
    /// The list of online CPUs.
    pub online_cpus: PathBuf,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            annotations: false,
            filter: TraceFilter::default(),
            ring_bytes: None,
            online_cpus: "/sys/devices/system/cpu/online".into(),
        }
    }
}

/// The yield of one drain. Reuse it: its memory is kept.
#[derive(Clone, Debug, Default)]
pub struct Drained {
    /// Events in the order of their times, none older than any handed out
    /// before (see `late`).
    pub events: Vec<TraceEvent>,
    /// Events that were lost because a ring was full.
    pub lost: u64,
    /// The gaps between events, lost ones included.
    pub gaps: Vec<TraceGap>,
    /// The number of `events` that are older than one handed out by an earlier drain:
    /// they come first. Not seen unless the host stops a CPU for long.
    pub late: usize,
}

/// Events for which memory is kept from one drain to the next: a burst is not
/// to hold it for the rest of the day.
const KEPT: usize = 16_384;

impl Drained {
    fn clear(&mut self) {
        self.events.clear();
        self.events.shrink_to(KEPT);
        self.gaps.clear();
        (self.lost, self.late) = (0, 0);
    }
}

/// The running trace; it ends when dropped.
#[derive(Debug)]
pub struct Tracer {
    decoders: Decoders,
    wanted: Vec<Wanted>,
    online_cpus: PathBuf,
    ring_bytes: usize,
    cpus: Vec<CpuEvents>,
    /// CPUs that came online and could not be traced.
    untraced: Vec<u32>,
    /// Bytes of one ring, to decode.
    bytes: Vec<u8>,
    /// Events not handed out yet.
    pending: Vec<TraceEvent>,
    /// Events up to here are handed out by the next look after [`SETTLE`].
    horizon_ns: u64,
    /// Everything up to here is handed out.
    complete_ns: u64,
    /// Time of the newest event handed out.
    newest_ns: u64,
    drained_ns: u64,
    checked_cpus_ns: u64,
    checked_alive_ns: u64,
}

impl Tracer {
    /// Starts tracing every socket of every namespace on every CPU.
    pub fn open(options: &TraceOptions) -> Result<Self, TraceError> {
        let tracefs = Tracefs::open()?;
        let (decoders, wanted) = tracepoints(options, |tracepoint| tracefs.format(tracepoint))?;
        let online = online(&options.online_cpus)?;
        let now = monotonic_ns();
        let mut tracer = Self {
            decoders,
            wanted,
            online_cpus: options.online_cpus.clone(),
            ring_bytes: options.ring_bytes.unwrap_or_else(|| ring_bytes(online.len())),
            cpus: Vec::with_capacity(online.len()),
            untraced: Vec::new(),
            bytes: Vec::new(),
            pending: Vec::new(),
            horizon_ns: now,
            complete_ns: now,
            newest_ns: 0,
            drained_ns: now,
            checked_cpus_ns: now,
            checked_alive_ns: now,
        };
        let needed = online.len() * tracer.wanted.len();
        for cpu in online {
            match tracer.open_cpu(cpu) {
                Ok(events) => tracer.cpus.push(events),
                // Offline since the list was read; the next check settles it.
                Err(OpenError::Event(error)) if error.raw_os_error() == Some(libc::ENODEV) => {}
                Err(OpenError::Event(error)) => return Err(TraceError::of_open(error, needed)),
                Err(OpenError::Ring(error)) => return Err(TraceError::RingMemory(error)),
            }
        }
        Ok(tracer)
    }

    /// Waits until a ring is a quarter full, at most for `timeout`, and hands
    /// out the events that are ripe: those of the look before and older.
    ///
    /// A signal ends the wait early. While events wait to become ripe the
    /// timeout is no longer than [`SETTLE`].
    pub fn drain(&mut self, timeout: Duration, into: &mut Drained) -> io::Result<()> {
        into.clear();
        let timeout = if self.pending.is_empty() { timeout } else { timeout.min(SETTLE) };
        let stopped = self.wait(timeout)?;
        let now = monotonic_ns();
        self.look(now, into);
        self.check_cpus(now, stopped, into);
        self.hand_out(now, into);
        self.drained_ns = now;
        Ok(())
    }

    /// Returns the monotonic time up to which every event has been handed out.
    pub fn complete_ns(&self) -> u64 {
        self.complete_ns
    }

    fn open_cpu(&self, cpu: u32) -> Result<CpuEvents, OpenError> {
        CpuEvents::open(cpu, &self.wanted, self.ring_bytes)
    }

    /// Sleeps; returns whether a CPU's events have stopped.
    fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let mut fds: Vec<PollFd<'_>> =
            self.cpus.iter().map(|cpu| PollFd::new(cpu, PollFlags::IN)).collect();
        let timeout = Timespec::try_from(timeout).ok();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let stopped = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        Ok(fds.iter().any(|fd| fd.revents().intersects(stopped)))
    }

    /// Takes what all rings hold into `pending`.
    fn look(&mut self, now: u64, into: &mut Drained) {
        for at in 0..self.cpus.len() {
            self.look_at(at, now, into);
        }
    }

    fn look_at(&mut self, at: usize, now: u64, into: &mut Drained) {
        self.bytes.clear();
        let cpu = &mut self.cpus[at];
        let counted = cpu.take(&mut self.bytes);
        let mut recorded = 0;
        let mut records = RingRecords::new(&self.bytes);
        for record in records.by_ref() {
            match record {
                RingRecord::Sample { at_ns, raw } => {
                    self.pending.extend(self.decoders.decode(at_ns, raw));
                }
                RingRecord::Lost { count } => recorded += count,
                RingRecord::Other(_) => {}
            }
        }
        let gap = |cause| TraceGap { cpu: cpu.cpu, from_ns: self.drained_ns, to_ns: now, cause };
        if !records.rest().is_empty() {
            into.gaps.push(gap(GapCause::Malformed));
        }
        let lost = counted.unwrap_or(recorded);
        if lost > 0 {
            into.lost += lost;
            into.gaps.push(gap(GapCause::RingFull { lost }));
        }
    }

    /// Moves ripe events from `pending` to the caller.
    fn hand_out(&mut self, now: u64, into: &mut Drained) {
        if !has_passed(SETTLE, self.horizon_ns, now) {
            return;
        }
        self.hand_out_until(self.horizon_ns, into);
        self.complete_ns = self.horizon_ns;
        self.horizon_ns = now;
    }

    fn hand_out_until(&mut self, until_ns: u64, into: &mut Drained) {
        // It consists of a few sorted parts, of which the stable sort makes use.
        self.pending.sort_by_key(|event| event.at_ns);
        let ripe = self.pending.partition_point(|event| event.at_ns <= until_ns);
        into.events.extend(self.pending.drain(..ripe));
        self.pending.shrink_to(KEPT);
        into.late = into.events.partition_point(|event| event.at_ns < self.newest_ns);
        if let Some(last) = into.events.last() {
            self.newest_ns = self.newest_ns.max(last.at_ns);
        }
    }

    /// Follows CPUs that came and went, now and then, or because a CPU's
    /// events have stopped. Every ring has just been emptied.
    fn check_cpus(&mut self, now: u64, stopped: bool, into: &mut Drained) {
        let since = self.checked_cpus_ns;
        if !stopped && !has_passed(CPU_CHECK, since, now) {
            return;
        }
        self.checked_cpus_ns = now;
        // Unreadable now although it was readable: everything stays as it is.
        let Ok(online) = online(&self.online_cpus) else { return };
        let gap = |cpu, cause| TraceGap { cpu, from_ns: since, to_ns: now, cause };
        let ask = stopped || has_passed(ALIVE_CHECK, self.checked_alive_ns, now);
        if ask {
            self.checked_alive_ns = now;
        }
        self.cpus.retain_mut(|cpu| {
            let is_online = online.contains(&cpu.cpu);
            if !is_online {
                into.gaps.push(gap(cpu.cpu, GapCause::Offline));
            }
            is_online && (!ask || cpu.is_alive())
        });
        for cpu in online {
            if self.cpus.iter().any(|known| known.cpu == cpu) {
                continue;
            }
            let was_untraced = self.untraced.contains(&cpu);
            self.untraced.retain(|&known| known != cpu);
            match self.open_cpu(cpu) {
                Ok(events) => {
                    self.cpus.push(events);
                    into.gaps.push(gap(cpu, GapCause::Started));
                }
                Err(_) => {
                    self.untraced.push(cpu);
                    if !was_untraced {
                        into.gaps.push(gap(cpu, GapCause::Untraced));
                    }
                }
            }
        }
    }
}

/// Tells whether `span` lies between two monotonic times.
fn has_passed(span: Duration, since_ns: u64, now_ns: u64) -> bool {
    u128::from(now_ns.saturating_sub(since_ns)) >= span.as_nanos()
}

/// Returns the CPUs that are online.
fn online(list: &Path) -> Result<Vec<u32>, TraceError> {
    let text = fs::read_to_string(list)
        .map_err(|error| TraceError::Io { what: "the list of online CPUs", error })?;
    Ok(parse_cpu_list(&text))
}

/// Returns the decoders and the tracepoints to open.
fn tracepoints(
    options: &TraceOptions,
    format: impl Fn(Tracepoint) -> Result<Option<TraceFormat>, TraceError>,
) -> Result<(Decoders, Vec<Wanted>), TraceError> {
    let (mut decoders, mut wanted) = (Decoders::default(), Vec::new());
    for tracepoint in Tracepoint::ALL {
        if tracepoint.is_annotation() && !options.annotations {
            continue;
        }
        let Some(format) = format(tracepoint)? else {
            if tracepoint.is_annotation() {
                continue;
            }
            // Changes without ends would be joined for ever, and none of them be the last.
            return Err(TraceError::NoTracepoint(tracepoint));
        };
        decoders
            .add(tracepoint, &format)
            .map_err(|missing| TraceError::Format { tracepoint, missing })?;
        let filter = options.filter.expression(&format).and_then(|text| CString::new(text).ok());
        wanted.push(Wanted { id: format.id, filter });
    }
    Ok((decoders, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: &str = include_str!("../kernel/testdata/inet_sock_set_state.6.18.format");

    #[test]
    fn a_kernel_without_the_end_of_a_socket_is_not_traced_by_halves() {
        let refused = tracepoints(&TraceOptions::default(), |tracepoint| {
            Ok((tracepoint != Tracepoint::Destroy)
                .then(|| TraceFormat::parse(FORMAT).expect("whole")))
        });
        let error = refused.expect_err("no end");
        assert_eq!(error.reason(), "this kernel has no tracepoint tcp:tcp_destroy_sock");
    }
}
