//! Signals that end a stream.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use procfs::process::{Process, Stat};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, kill_process, pidfd_open, pidfd_send_signal,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::process_groups;
use super::rights::{self, Purpose};

/// The signals that ask us to end.
const ENDING: [i32; 4] = [SIGINT, SIGQUIT, SIGTERM, SIGHUP];

/// The exit status of a program that SIGHUP ended.
pub const HUNG_UP: u8 = status(SIGHUP as usize);

/// Returns the exit status by which a shell knows a signal.
const fn status(signal: usize) -> u8 {
    128 + signal as u8
}

/// Remembers the signal that asks us to end.
#[derive(Clone, Debug, Default)]
pub struct Ending(Arc<AtomicUsize>);

impl Ending {
    /// Remembers SIGINT, SIGQUIT, SIGTERM and SIGHUP from now on; a second one of
    /// a kind ends the program at once. Where nohup(1) had SIGHUP ignored, it
    /// stays so.
    ///
    /// # Errors
    /// When no handler can be installed.
    pub fn watch() -> io::Result<Self> {
        // In this order: a first signal that comes between the two is remembered.
        let it = Self::watch_patiently()?;
        for signal in ending() {
            end_at_the_second(signal)?;
        }
        Ok(it)
    }

    /// Returns the same for one that has a terminal to give back first: a second signal
    /// changes nothing.
    ///
    /// # Errors
    /// When no handler can be installed.
    pub fn watch_patiently() -> io::Result<Self> {
        let it = Self(Arc::clone(ASKED.get_or_init(Arc::default)));
        for signal in ending() {
            let number = usize::try_from(signal).unwrap_or_default();
            signal_hook::flag::register_usize(signal, Arc::clone(&it.0), number)?;
        }
        Ok(it)
    }

    /// Returns the exit status by which a shell knows the signal (128 + its number);
    /// `None` when none came.
    pub fn status(&self) -> Option<u8> {
        let signal = self.0.load(Ordering::Relaxed);
        (signal != 0).then(|| status(signal))
    }
}

/// The last signal that asked us to end.
static ASKED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Tells whether a signal that is remembered has asked us to end.
pub fn asked_to_end() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed) != 0)
}

/// Ends the program at the second signal of a kind, and with it the commands
/// that it runs: nobody else would end those.
#[expect(unsafe_code, reason = "the handler does more than to remember the signal")]
fn end_at_the_second(signal: i32) -> io::Result<()> {
    let status = i32::from(status(usize::try_from(signal).unwrap_or_default()));
    let seen = AtomicBool::new(false);
    let handler = move || {
        if seen.swap(true, Ordering::Relaxed) {
            process_groups::kill_all();
            signal_hook::low_level::exit(status);
        }
    };
    // SAFETY: the handler uses atomics, kill(2) and _exit(2), which all may be used in one.
    unsafe { signal_hook::low_level::register(signal, handler) }.map(|_| ())
}

/// Returns those of [`ENDING`] that we shall heed. SIGINT and SIGQUIT are heeded also
/// where they were ignored: every program that a script starts with `&` has them so, and
/// `kill -INT` is how the script ends it.
fn ending() -> impl Iterator<Item = i32> {
    let status = Process::myself().and_then(|own| own.status());
    let ignored = status.map_or(0, |status| status.sigign);
    let is_nohup = ignored & 1 << (SIGHUP - 1) != 0;
    ENDING.into_iter().filter(move |&signal| !(is_nohup && signal == SIGHUP))
}

/// Signals that stop and continue a program, for one that owns the terminal.
#[derive(Clone, Debug, Default)]
pub struct JobControl {
    stop: Arc<AtomicBool>,
    go_on: Arc<AtomicBool>,
}

impl JobControl {
    /// Makes it from now on SIGTSTP does not stop us but is remembered, so that the
    /// terminal can be given back first; and so is SIGCONT.
    ///
    /// # Errors
    /// When no handler can be installed.
    pub fn watch() -> io::Result<Self> {
        use signal_hook::consts::{SIGCONT, SIGTSTP};
        let control = Self::default();
        signal_hook::flag::register(SIGTSTP, Arc::clone(&control.stop))?;
        signal_hook::flag::register(SIGCONT, Arc::clone(&control.go_on))?;
        Ok(control)
    }

    /// Tells whether we were asked to stop since the last question.
    pub fn asked_to_stop(&self) -> bool {
        self.stop.swap(false, Ordering::Relaxed)
    }

    /// Tells whether we were continued since the last question.
    pub fn continued(&self) -> bool {
        self.go_on.swap(false, Ordering::Relaxed)
    }
}

/// Sends a signal to a process of which `is_it` says, when it can no longer be
/// another one with its number, whether it is the one that is meant.
///
/// # Errors
/// When it is gone or another, or we may not.
pub fn send(pid: u32, number: i32, is_it: impl FnOnce() -> bool) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(number)) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // It holds the number: no other process gets it. Linux 5.3 and later.
    let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => Some(pidfd),
        Err(Errno::NOSYS) => None,
        Err(errno) => return Err(errno.into()),
    };
    // By another namespace's /proc the number would be another process.
    if pidfd.as_ref().is_some_and(|pidfd| !is_known_as(pidfd, pid)) {
        return Err(io::Error::other("/proc shows another PID namespace than ours"));
    }
    if !is_it() {
        return Err(io::Error::other("it does not hold this socket any more"));
    }
    let _raised = rights::raise(Purpose::Signal);
    let sent = match pidfd {
        Some(pidfd) => pidfd_send_signal(pidfd, signal),
        None => kill_process(pid, signal),
    };
    Ok(sent?)
}

/// Tells whether a process has this number in `/proc` too: the kernel tells it there in
/// the numbers of the mounted procfs (`pidfd_show_fdinfo`).
fn is_known_as(pidfd: &OwnedFd, pid: Pid) -> bool {
    let path = format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd());
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let told = text.lines().find_map(|line| line.strip_prefix("Pid:"));
    told.is_some_and(|told| told.trim().parse() == Ok(pid.as_raw_nonzero().get()))
}

/// Tells whether somebody would continue us if we stopped: a shell with job control is
/// the parent, in another process group of the session. The kernel does not stop
/// an orphaned group by SIGTSTP either (`will_become_orphaned_pgrp`).
pub fn has_job_control() -> bool {
    // Not by getsid(2), which is 0 for a session led from outside our pid
    // namespace, as in a container: rustix takes that for impossible.
    let stat = |process: procfs::ProcResult<Process>| process.and_then(|it| it.stat()).ok();
    let Some(own) = stat(Process::myself()) else { return false };
    stat(Process::new(own.ppid)).is_some_and(|parent| is_job_of(&own, &parent))
}

/// Tells whether a process is a job of its parent, by their process groups.
fn is_job_of(own: &Stat, parent: &Stat) -> bool {
    own.session == parent.session && own.pgrp != parent.pgrp
}

/// Stops this process until somebody continues it.
pub fn stop_self() {
    // To stop oneself needs no permission; should it fail, we just go on.
    let _ = kill_process(getpid(), Signal::STOP);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_with_the_number_is_left_alone() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        let refused = send(child.id(), 9, || false).expect_err("it is another one");
        assert!(refused.to_string().contains("does not hold"), "{refused}");
        assert!(child.try_wait().expect("a child").is_none(), "it lives");
        send(child.id(), 9, || true).expect("it is the one");
        child.wait().expect("its end");
        assert!(send(child.id(), 9, || true).is_err(), "it is gone");
    }

    /// As where `/proc` is that of another PID namespace.
    #[test]
    fn a_process_is_known_by_its_number_in_proc() {
        let pidfd = pidfd_open(getpid(), PidfdFlags::empty()).expect("ourselves");
        assert!(is_known_as(&pidfd, getpid()));
        let init = Pid::from_raw(1).expect("a number");
        assert!(!is_known_as(&pidfd, init));
    }
}
