//! `perf_event_open` and the requests to its descriptors: tracepoints only.
//!
//! `include/uapi/linux/perf_event.h`.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::ioctl::{IntegerSetter, NoArg, ioctl, opcode};

use crate::kernel::perf_ring::SAMPLE_TYPE;

use super::rights::{self, Purpose};

const PERF_TYPE_TRACEPOINT: u32 = 2;

const PERF_FORMAT_TOTAL_TIME_ENABLED: u64 = 1 << 0;
/// Linux 6.0.
const PERF_FORMAT_LOST: u64 = 1 << 4;

const DISABLED: u64 = 1 << 0;
const WATERMARK: u64 = 1 << 14;
const SAMPLE_ID_ALL: u64 = 1 << 18;
const USE_CLOCKID: u64 = 1 << 25;

const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;

const ENABLE: rustix::ioctl::Opcode = opcode::none(b'$', 0);
const SET_OUTPUT: rustix::ioctl::Opcode = opcode::none(b'$', 5);
const SET_FILTER: rustix::ioctl::Opcode = opcode::write::<*mut libc::c_char>(b'$', 6);

/// `struct perf_event_attr` as of `PERF_ATTR_SIZE_VER5` (Linux 4.1), which
/// every kernel with these tracepoints knows.
#[repr(C)]
#[derive(Default)]
struct PerfEventAttr {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_watermark: u32,
    bp_type: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    clockid: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
}

const _: () = assert!(size_of::<PerfEventAttr>() == 112, "PERF_ATTR_SIZE_VER5");

/// The numbers that an event counts besides writing samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Time for which the event was enabled; it stands still once its CPU has
    /// gone offline, even when the CPU is back.
    pub enabled_ns: u64,
    /// Samples of this event that found the ring full; absent before 6.0.
    pub lost: Option<u64>,
}

/// One tracepoint on one CPU.
#[derive(Debug)]
pub struct PerfEvent {
    fd: OwnedFd,
    counts_losses: bool,
}

impl PerfEvent {
    /// Opens tracepoint `id` on `cpu` for every process, disabled. A reader
    /// that polls is woken when `wakeup_bytes` are in the ring.
    pub fn open(id: u16, cpu: u32, wakeup_bytes: u32) -> io::Result<Self> {
        let mut attributes = PerfEventAttr {
            kind: PERF_TYPE_TRACEPOINT,
            size: size_of::<PerfEventAttr>() as u32,
            config: id.into(),
            sample_period: 1,
            sample_type: SAMPLE_TYPE,
            read_format: PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_LOST,
            flags: DISABLED | WATERMARK | SAMPLE_ID_ALL | USE_CLOCKID,
            wakeup_watermark: wakeup_bytes,
            clockid: libc::CLOCK_MONOTONIC,
            ..PerfEventAttr::default()
        };
        match open(&attributes, cpu) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED;
                open(&attributes, cpu).map(|fd| Self { fd, counts_losses: false })
            }
            opened => opened.map(|fd| Self { fd, counts_losses: true }),
        }
    }

    /// Lets this event write into the ring of `other`, which is on the same
    /// CPU and uses the same clock (`perf_event_set_output`).
    pub fn write_into_ring_of(&self, other: &Self) -> io::Result<()> {
        let target = other.fd.as_raw_fd();
        let target = usize::try_from(target).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.set::<SET_OUTPUT>(target)
    }

    /// Sets the kernel-side filter.
    pub fn set_filter(&self, filter: &CStr) -> io::Result<()> {
        self.set::<SET_FILTER>(filter.as_ptr().expose_provenance())
    }

    /// Tells whether the kernel counts losses by event (Linux 6.0).
    pub fn counts_losses(&self) -> bool {
        self.counts_losses
    }

    /// Starts it.
    #[expect(unsafe_code, reason = "rustix has no wrapper for perf's requests")]
    pub fn enable(&self) -> io::Result<()> {
        // SAFETY: PERF_EVENT_IOC_ENABLE takes flags, of which NoArg passes none.
        unsafe { Ok(ioctl(&self.fd, NoArg::<ENABLE>::new())?) }
    }

    /// Reads what it has counted so far. Interrupts the CPU it is on.
    pub fn counts(&self) -> io::Result<Counts> {
        // In the order value, time enabled, lost (`perf_read_one`).
        let mut bytes = [0; 24];
        let wanted = if self.counts_losses { 24 } else { 16 };
        if rustix::io::read(&self.fd, &mut bytes[..wanted])? != wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let number = |at: usize| {
            let bytes = bytes.get(at..at + 8)?.try_into().ok()?;
            Some(u64::from_ne_bytes(bytes))
        };
        Ok(Counts {
            enabled_ns: number(8).unwrap_or(0),
            lost: number(16).filter(|_| self.counts_losses),
        })
    }

    /// Makes a request with a number or an address as its argument: of those made
    /// here, `SET_OUTPUT` with a descriptor and `SET_FILTER` with a C string.
    #[expect(unsafe_code, reason = "rustix has no wrapper for perf's requests")]
    fn set<const REQUEST: rustix::ioctl::Opcode>(&self, value: usize) -> io::Result<()> {
        // SAFETY: both requests only read: one a descriptor's number, which may be any, the
        // other the string behind the address, which `set_filter` borrows during the call.
        unsafe { Ok(ioctl(&self.fd, IntegerSetter::<REQUEST>::new_usize(value))?) }
    }
}

impl AsFd for PerfEvent {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[expect(unsafe_code, reason = "no dependency of ours wraps this system call")]
fn open(attributes: &PerfEventAttr, cpu: u32) -> io::Result<OwnedFd> {
    let cpu = libc::c_int::try_from(cpu).map_err(|_| io::ErrorKind::InvalidInput)?;
    let raised = rights::raise(Purpose::Trace);
    // SAFETY: the kernel reads `size` bytes of the attributes, which is their length. Every
    // process (pid -1), no group (-1).
    let result = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const *attributes,
            -1 as libc::pid_t,
            cpu,
            -1 as libc::c_int,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    let error = io::Error::last_os_error();
    drop(raised);
    match libc::c_int::try_from(result) {
        // SAFETY: the call has just made this descriptor and nobody else knows it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(error),
    }
}
