//! Signals that end a stream.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Remembers the signal that asks us to end.
#[derive(Clone, Debug, Default)]
pub struct Ending(Arc<AtomicUsize>);

impl Ending {
    /// From now on SIGINT, SIGTERM and SIGHUP are remembered; a second one of
    /// a kind ends the program at once.
    ///
    /// # Errors
    /// When no handler can be installed.
    pub fn watch() -> io::Result<Self> {
        let ending = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let seen = Arc::new(std::sync::atomic::AtomicBool::new(false));
            let status = 128 + signal;
            signal_hook::flag::register_conditional_shutdown(signal, status, Arc::clone(&seen))?;
            signal_hook::flag::register(signal, seen)?;
            let number = usize::try_from(signal).unwrap_or_default();
            signal_hook::flag::register_usize(signal, Arc::clone(&ending.0), number)?;
        }
        Ok(ending)
    }

    /// The exit status by which a shell knows the signal (128 + its number);
    /// `None` when none came.
    pub fn status(&self) -> Option<u8> {
        let signal = self.0.load(Ordering::Relaxed);
        (signal != 0).then(|| u8::try_from(128 + signal).unwrap_or(u8::MAX))
    }
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

/// Sends a signal to a process.
///
/// # Errors
/// When it is gone, or we may not.
pub fn send(pid: u32, number: i32) -> io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(number)) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    Ok(kill_process(pid, signal)?)
}

/// Stops this process until somebody continues it.
pub fn stop_self() {
    use rustix::process::{Signal, getpid, kill_process};
    // To stop oneself needs no permission; should it fail, we just go on.
    let _ = kill_process(getpid(), Signal::STOP);
}
