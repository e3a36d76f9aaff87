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
