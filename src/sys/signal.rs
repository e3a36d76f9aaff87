//! Signals that end a stream.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use procfs::process::{Process, Stat};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, kill_process, pidfd_open, pidfd_send_signal,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// The signals that ask us to end.
const ENDING: [i32; 4] = [SIGINT, SIGQUIT, SIGTERM, SIGHUP];

/// The exit status of a program that SIGHUP ended.
pub const HUNG_UP: u8 = status(SIGHUP as usize);

/// The exit status by which a shell knows a signal.
const fn status(signal: usize) -> u8 {
    128 + signal as u8
}

/// Remembers the signal that asks us to end.
#[derive(Clone, Debug, Default)]
pub struct Ending(Arc<AtomicUsize>);

impl Ending {
    /// From now on SIGINT, SIGQUIT, SIGTERM and SIGHUP are remembered; a second one of
    /// a kind ends the program at once. Where nohup(1) had SIGHUP ignored, it
    /// stays so.
    ///
    /// # Errors
    /// When no handler can be installed.
    pub fn watch() -> io::Result<Self> {
        for signal in ending() {
            let seen = Arc::new(std::sync::atomic::AtomicBool::new(false));
            let status = i32::from(status(usize::try_from(signal).unwrap_or_default()));
            signal_hook::flag::register_conditional_shutdown(signal, status, Arc::clone(&seen))?;
            signal_hook::flag::register(signal, seen)?;
        }
        Self::watch_patiently()
    }

    /// The same for one that has a terminal to give back first: a second signal
    /// changes nothing.
    ///
    /// # Errors
    /// When no handler can be installed.
    pub fn watch_patiently() -> io::Result<Self> {
        let it = Self::default();
        for signal in ending() {
            let number = usize::try_from(signal).unwrap_or_default();
            signal_hook::flag::register_usize(signal, Arc::clone(&it.0), number)?;
        }
        Ok(it)
    }

    /// The exit status by which a shell knows the signal (128 + its number);
    /// `None` when none came.
    pub fn status(&self) -> Option<u8> {
        let signal = self.0.load(Ordering::Relaxed);
        (signal != 0).then(|| status(signal))
    }
}

/// Those of [`ENDING`] that we shall heed. SIGINT and SIGQUIT are heeded also where
/// they were ignored: every program that a script starts with `&` has them so, and
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
    stop: Arc<std::sync::atomic::AtomicBool>,
    go_on: Arc<std::sync::atomic::AtomicBool>,
}

impl JobControl {
    /// From now on SIGTSTP does not stop us but is remembered, so that the
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

    /// Whether we were asked to stop since the last question.
    pub fn asked_to_stop(&self) -> bool {
        self.stop.swap(false, Ordering::Relaxed)
    }

    /// Whether we were continued since the last question.
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
    if !is_it() {
        return Err(io::Error::other("it does not hold this socket any more"));
    }
    let sent = match pidfd {
        Some(pidfd) => pidfd_send_signal(pidfd, signal),
        None => kill_process(pid, signal),
    };
    Ok(sent?)
}

/// Whether somebody would continue us if we stopped: a shell with job control is
/// the parent, in another process group of the session. The kernel does not stop
/// an orphaned group by SIGTSTP either (`will_become_orphaned_pgrp`).
pub fn has_job_control() -> bool {
    // Not by getsid(2), which is 0 for a session led from outside our pid
    // namespace, as in a container: rustix takes that for impossible.
    let stat = |process: procfs::ProcResult<Process>| process.and_then(|it| it.stat()).ok();
    let Some(own) = stat(Process::myself()) else { return false };
    stat(Process::new(own.ppid)).is_some_and(|parent| is_job_of(&own, &parent))
}

/// Whether a process is a job of its parent, by their process groups.
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
}
