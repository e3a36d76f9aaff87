//! Every tracepoint on one CPU, in one ring; and which CPUs there are.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::param::page_size;

use super::perf_event::PerfEvent;
use super::perf_ring_map::RingMap;

/// All rings together may take this much kernel memory, bytes.
const ALL_RINGS: usize = 16 << 20;
/// The memory that the kernel lets a user lock per CPU without a privilege
/// (`perf_event_mlock_kb`), less the page in front of the ring.
const LARGEST_RING: usize = 512 << 10;
const SMALLEST_RING: usize = 32 << 10;

/// A tracepoint to open.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its number in this kernel.
    pub id: u16,
    /// The events that the kernel shall leave out.
    pub filter: Option<CString>,
}

/// The step of [`CpuEvents::open`] that failed.
#[derive(Debug)]
pub enum OpenError {
    /// Opening or setting up an event.
    Event(io::Error),
    /// Mapping the ring.
    Ring(io::Error),
}

/// One CPU's events and their ring.
#[derive(Debug)]
pub struct CpuEvents {
    /// The CPU's number.
    pub cpu: u32,
    // Unmapped before the event that owns it is closed.
    ring: RingMap,
    owner: PerfEvent,
    others: Vec<PerfEvent>,
    /// Losses reported so far, where the kernel counts them by event.
    lost: u64,
    /// The time that the events had run when last looked at.
    enabled_ns: u64,
}

impl CpuEvents {
    /// Opens and starts the events of a CPU. The ring may come out smaller
    /// than asked for where the kernel limits locked memory.
    pub fn open(cpu: u32, wanted: &[Wanted], ring_bytes: usize) -> Result<Self, OpenError> {
        let Some((first, others)) = wanted.split_first() else {
            return Err(OpenError::Event(io::ErrorKind::InvalidInput.into()));
        };
        // At a quarter there is time to come and read before it is full.
        let wakeup_bytes = u32::try_from(ring_bytes / 4).unwrap_or(u32::MAX);
        let open = |wanted: &Wanted| {
            let event = PerfEvent::open(wanted.id, cpu, wakeup_bytes)?;
            wanted.filter.as_deref().map_or(Ok(()), |filter| event.set_filter(filter))?;
            Ok(event)
        };
        let owner = open(first).map_err(OpenError::Event)?;
        let ring = map_ring(&owner, ring_bytes).map_err(OpenError::Ring)?;
        let others = others
            .iter()
            .map(|wanted| {
                let event = open(wanted)?;
                event.write_into_ring_of(&owner)?;
                event.enable()?;
                Ok(event)
            })
            .collect::<io::Result<Vec<_>>>()
            .map_err(OpenError::Event)?;
        owner.enable().map_err(OpenError::Event)?;
        Ok(Self { cpu, ring, owner, others, lost: 0, enabled_ns: 0 })
    }

    /// Appends what the ring holds to `into`. Says how many events have found
    /// it full since the last call; `None` where the kernel does not count
    /// them and only records in the ring tell (before Linux 6.0).
    pub fn take(&mut self, into: &mut Vec<u8>) -> Option<u64> {
        let was_full = self.ring.take(into).was_full;
        if !self.owner.counts_losses() {
            return None;
        }
        // Asking interrupts the CPU, so it is only done where there is cause.
        if !was_full {
            return Some(0);
        }
        let events = [&self.owner].into_iter().chain(&self.others);
        let lost = events.filter_map(|event| event.counts().ok()?.lost).sum::<u64>();
        let new = lost.saturating_sub(self.lost);
        self.lost = self.lost.max(lost);
        Some(new)
    }

    /// Tells whether the events still run. A CPU that was offline for a moment, as
    /// in a suspend, comes back without them, and nothing else tells
    /// (`perf_event_exit_cpu`). Interrupts the CPU.
    pub fn is_alive(&mut self) -> bool {
        let Ok(counts) = self.owner.counts() else { return false };
        let ran = counts.enabled_ns > self.enabled_ns;
        self.enabled_ns = counts.enabled_ns;
        ran
    }
}

impl AsFd for CpuEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.owner.as_fd()
    }
}

/// Maps a ring of `len` bytes, or a smaller one where the kernel refuses the
/// memory (`EPERM` beyond the limit of locked memory).
fn map_ring(owner: &PerfEvent, len: usize) -> io::Result<RingMap> {
    let mut len = len;
    loop {
        match RingMap::new(owner, len) {
            Err(error) if may_be_smaller(&error) && len > SMALLEST_RING.max(page_size()) => {
                len /= 2;
            }
            mapped => return mapped,
        }
    }
}

fn may_be_smaller(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOMEM))
}

/// Returns the bytes of each ring on a host with `cpus` CPUs: a power of two.
pub fn ring_bytes(cpus: usize) -> usize {
    let share = (ALL_RINGS / cpus.max(1)).clamp(SMALLEST_RING, LARGEST_RING);
    let power_of_two = 1 << share.ilog2();
    page_size().max(power_of_two)
}

/// Returns the numbers in a list like `0-3,5` (`bitmap_print_to_pagebuf`). What is not
/// a range of numbers is left out.
pub fn parse_cpu_list(text: &str) -> Vec<u32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse::<u32>().ok()?..=last.trim().parse::<u32>().ok()?)
    };
    // No Linux has more (`NR_CPUS`), and a typo must not cost gigabytes.
    text.split(',').filter_map(range).flatten().take(1 << 16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus() {
        assert_eq!(parse_cpu_list("0-1\n"), [0, 1]);
        assert_eq!(parse_cpu_list("0,2-4,7"), [0, 2, 3, 4, 7]);
        assert_eq!(parse_cpu_list("0\n"), [0]);
        assert!(parse_cpu_list("").is_empty());
        assert_eq!(parse_cpu_list("x,3,5-"), [3]);
        assert_eq!(parse_cpu_list("0-4294967295").len(), 1 << 16);
    }

    #[test]
    fn rings_share_a_bounded_memory() {
        for cpus in [0, 1, 2, 3, 31, 32, 33, 128, 512, 4096] {
            let bytes = ring_bytes(cpus);
            assert!(bytes.is_power_of_two());
            assert!((SMALLEST_RING..=LARGEST_RING).contains(&bytes) || bytes == page_size());
        }
        assert_eq!(ring_bytes(2), 512 << 10);
        assert_eq!(ring_bytes(128), 128 << 10);
        assert_eq!(ring_bytes(100), 128 << 10);
    }
}
