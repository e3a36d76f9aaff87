//! The rights of this program beyond those of its user, and when they are used.
//!
//! Whoever may run a file with capabilities may not thereby read what only
//! root may: so the effective set is empty from the first line of `main` on,
//! and every path, variable and name that a user chooses is opened with
//! nothing but the user's own permissions. What the kernel guards (descriptors
//! of other processes, marks, tracepoints, namespaces) is asked for with a
//! [`Raised`] in hand, on the thread that asks, for as long as it asks.

use std::cell::Cell;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::OnceLock;

use rustix::fd::AsFd;
use rustix::fs::{fstat, fstatfs, stat, statfs};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities,
};

/// The purpose of raising a right; docs/platform.md lists the system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reading what `/proc` tells of the processes of others.
    Owners,
    /// Marks and filters of sockets, closing them, a receive buffer of any size.
    Netlink,
    /// Entering another network namespace.
    Namespace,
    /// Reading the descriptions of tracepoints.
    TraceFiles,
    /// Mounting tracefs for this process alone.
    Mount,
    /// Opening tracepoints of every process.
    Trace,
    /// Locking the memory of their rings.
    RingMemory,
    /// Signalling the processes of others.
    Signal,
}

impl Purpose {
    fn capabilities(self) -> CapabilitySet {
        match self {
            Self::Owners => CapabilitySet::DAC_READ_SEARCH | CapabilitySet::SYS_PTRACE,
            Self::Netlink => CapabilitySet::NET_ADMIN,
            Self::Namespace | Self::Mount => CapabilitySet::SYS_ADMIN,
            Self::TraceFiles => CapabilitySet::DAC_READ_SEARCH,
            Self::Trace => CapabilitySet::PERFMON | CapabilitySet::SYS_ADMIN,
            Self::RingMemory => CapabilitySet::IPC_LOCK,
            Self::Signal => CapabilitySet::KILL,
        }
    }
}

impl Purpose {
    /// Returns what is raised where so much is permitted.
    fn needs_of(self, permitted: CapabilitySet) -> CapabilitySet {
        // Without CAP_SYS_PTRACE, as in most containers, the kernel shows a process
        // of the same user to whom every capability of that process is in effect
        // for (`cap_ptrace_access_check`).
        if self == Self::Owners && !permitted.contains(CapabilitySet::SYS_PTRACE) {
            return permitted;
        }
        permitted & self.capabilities()
    }
}

/// Rights in effect on this thread until it is dropped. It stays on its thread,
/// for so do capabilities.
#[must_use = "rights are laid down again when this is dropped"]
#[derive(Debug)]
pub struct Raised {
    before: Option<CapabilitySets>,
    on_this_thread: PhantomData<*const ()>,
}

impl Raised {
    /// Raises nothing.
    fn nothing() -> Self {
        Self { before: None, on_this_thread: PhantomData }
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        let Some(before) = self.before else { return };
        if set(before).is_err() {
            // The kernel never refuses to take rights away; were it to, nothing
            // may go on that was written to run without them.
            std::process::abort();
        }
    }
}

thread_local! {
    /// The sets of this thread, once they are known: to ask is half a microsecond,
    /// and a walk over a table asks often. Nothing but [`set`] changes them.
    static SETS: Cell<Option<CapabilitySets>> = const { Cell::new(None) };
}

fn sets() -> io::Result<CapabilitySets> {
    if let Some(known) = SETS.get() {
        return Ok(known);
    }
    let sets = capabilities(None)?;
    SETS.set(Some(sets));
    Ok(sets)
}

fn set(sets: CapabilitySets) -> io::Result<()> {
    set_capabilities(None, sets)?;
    SETS.set(Some(sets));
    Ok(())
}

/// Empties the effective set and keeps the permitted one. To be called before
/// there is a second thread: threads inherit the sets of their creator.
///
/// # Errors
/// When the kernel refuses and rights stay in effect.
pub fn lay_down() -> io::Result<()> {
    let sets = sets()?;
    if sets.effective.is_empty() {
        return Ok(());
    }
    set(CapabilitySets { effective: CapabilitySet::empty(), ..sets })
}

/// Puts into effect what a purpose needs, as far as it is permitted. Where it is
/// in effect already that costs nothing.
pub fn raise(purpose: Purpose) -> Raised {
    let Ok(before) = sets() else { return Raised::nothing() };
    let effective = before.effective | purpose.needs_of(before.permitted);
    if effective == before.effective {
        return Raised::nothing();
    }
    // Refused, it is as if it were not permitted: the call that needs it says so.
    match set(CapabilitySets { effective, ..before }) {
        Ok(()) => Raised { before: Some(before), on_this_thread: PhantomData },
        Err(_) => Raised::nothing(),
    }
}

/// Raises what reading the processes of others takes, where `root` is the
/// kernel's own procfs; nothing in a directory that anybody could have made.
pub fn raise_for_proc(root: &Path) -> Raised {
    static REAL_PROC: OnceLock<bool> = OnceLock::new();
    let is_real = || statfs(root).is_ok_and(is_procfs) && stat(root).is_ok_and(is_root_of_procfs);
    let is_real = match root == Path::new(PROC) {
        true => *REAL_PROC.get_or_init(is_real),
        false => is_real(),
    };
    if is_real { raise(Purpose::Owners) } else { Raised::nothing() }
}

/// Tells whether an open directory is the root of the kernel's own procfs. Not any
/// directory of it: `/proc/self/fd` has numbers for names that lead anywhere.
pub fn is_proc(directory: impl AsFd) -> bool {
    fstatfs(&directory).is_ok_and(is_procfs) && fstat(&directory).is_ok_and(is_root_of_procfs)
}

/// The place where the kernel's own procfs is expected.
pub const PROC: &str = "/proc";

fn is_procfs(found: rustix::fs::StatFs) -> bool {
    found.f_type == rustix::fs::PROC_SUPER_MAGIC
}

/// Tells whether a file is the root of procfs, by `PROC_ROOT_INO` of
/// include/linux/proc_fs.h.
fn is_root_of_procfs(found: rustix::fs::Stat) -> bool {
    found.st_ino == 1
}

/// Tells whether a purpose would get everything that it needs. It is judged in our
/// own user namespace here; what belongs to another one still refuses.
pub fn are_permitted(purpose: Purpose) -> bool {
    sets().is_ok_and(|sets| sets.permitted.contains(purpose.capabilities()))
}

/// Tells whether a purpose would get a part of what it can use.
pub fn are_permitted_in_part(purpose: Purpose) -> bool {
    sets().is_ok_and(|sets| sets.permitted.intersects(purpose.capabilities()))
}

/// Tells whether this program has rights that its caller has not: it is set-user-id,
/// set-group-id, or its file has capabilities (`AT_SECURE`). What the caller's
/// environment says then counts for less.
#[expect(unsafe_code, reason = "rustix does not tell AT_SECURE")]
pub fn are_lent() -> bool {
    // SAFETY: takes a number and returns one.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Takes every capability from this thread, and from all that it starts for
/// good: also root's programs get none. For a thread that starts a command.
///
/// # Errors
/// When one could not be taken.
pub fn give_up() -> io::Result<()> {
    let sets = sets()?;
    if sets.permitted.contains(CapabilitySet::SETPCAP) {
        let effective = sets.effective | CapabilitySet::SETPCAP;
        set(CapabilitySets { effective, ..sets })?;
        for bit in 0..u64::BITS {
            let one = CapabilitySet::from_bits_retain(1 << bit);
            match remove_capability_from_bounding_set(one) {
                Ok(()) => {}
                // Past the last one that this kernel knows.
                Err(rustix::io::Errno::INVAL) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    match clear_ambient_capability_set() {
        // Before Linux 4.3 there are none.
        Ok(()) | Err(rustix::io::Errno::INVAL) => {}
        Err(errno) => return Err(errno.into()),
    }
    let none = CapabilitySet::empty();
    let nothing = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set(nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn effective() -> CapabilitySet {
        capabilities(None).expect("our own").effective
    }

    /// Runs on a thread of its own that has laid its rights down.
    fn laid_down<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let it = scope.spawn(|| {
                lay_down().expect("allowed");
                work()
            });
            it.join().expect("no panic")
        })
    }

    #[test]
    fn rights_hold_while_they_are_raised_and_no_longer() {
        laid_down(|| {
            assert_eq!(effective(), CapabilitySet::empty());
            let permitted = capabilities(None).expect("our own").permitted;
            {
                let _raised = raise(Purpose::Owners);
                let wanted = Purpose::Owners.capabilities() & permitted;
                assert_eq!(effective(), wanted);
                let _more = raise(Purpose::Signal);
                assert_eq!(effective(), wanted | (CapabilitySet::KILL & permitted));
            }
            assert_eq!(effective(), CapabilitySet::empty());
            assert_eq!(capabilities(None).expect("our own").permitted, permitted, "kept");
            let panicked = std::panic::catch_unwind(|| {
                let _raised = raise(Purpose::Owners);
                std::panic::resume_unwind(Box::new("as a test"));
            });
            assert!(panicked.is_err());
            assert_eq!(effective(), CapabilitySet::empty(), "after a panic");
        });
    }

    #[test]
    fn who_may_not_trace_sees_its_like() {
        let container = CapabilitySet::CHOWN | CapabilitySet::NET_RAW;
        assert_eq!(Purpose::Owners.needs_of(container), container);
        assert_eq!(Purpose::Signal.needs_of(container), CapabilitySet::empty());
        let all = CapabilitySet::all();
        assert_eq!(Purpose::Owners.needs_of(all), Purpose::Owners.capabilities());
    }

    #[test]
    fn a_directory_that_only_looks_like_proc_raises_nothing() {
        laid_down(|| {
            for path in ["/tmp", "/proc/self/fd", "/proc/self", "/nonexistent"] {
                let _raised = raise_for_proc(Path::new(path));
                assert_eq!(effective(), CapabilitySet::empty(), "{path}");
                let opened = std::fs::File::open(path);
                assert!(!opened.is_ok_and(is_proc), "{path}");
            }
            let permitted = capabilities(None).expect("our own").permitted;
            let _raised = raise_for_proc(Path::new("/proc"));
            assert_eq!(effective(), Purpose::Owners.capabilities() & permitted);
        });
    }

    #[test]
    fn what_is_given_up_does_not_come_back() {
        laid_down(|| {
            give_up().expect("allowed");
            let _raised = raise(Purpose::Owners);
            assert_eq!(effective(), CapabilitySet::empty());
            let status = std::fs::read_to_string("/proc/thread-self/status").expect("our own");
            let prm = status.lines().find(|line| line.starts_with("CapPrm:")).expect("a line");
            assert!(prm.ends_with("0000000000000000"), "{prm}");
        });
    }

    #[test]
    fn a_test_has_no_rights_but_its_caller_s() {
        assert!(!are_lent());
    }
}
