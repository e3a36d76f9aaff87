//! The kit of the end-to-end tests: real sockets, on a real kernel, in every state.
//!
//! Each [`trial`] runs in a process of its own and in a network namespace of its own, so the only
//! sockets there are those it made itself: a recipe of [`states`], [`listeners`], [`udp`] or
//! [`unix`], perhaps handed to another process by [`holder`]. It runs the built program with
//! [`run`], on a terminal with [`pty`], and compares what that says with what the recipe made
//! ([`ask`] reads its JSON). [`procnet`] is the second opinion, and [`selfcheck`] proves the
//! recipes by it.
//!
//! ```ignore
//! trial("list::shows_close_wait", || {
//!     let held = states::close_wait(Family::V4, Unread::Eof)?;
//!     let output = Run::new(["list", "-tan", "--json"]).run()?;
//!     // … held.state, held.local, held.inode() against output.json()?
//!     Ok(())
//! })
//! ```
//!
//! The kit knows nothing of the crate under test: it names none of its items, so a mistake there
//! cannot hide itself here. It works as root and as an ordinary user (who gets a user namespace
//! as well); where it cannot work, a trial is reported as ignored, with the reason. Set
//! `SOCKSTATE_REQUIRE_KERNEL=1` where that must not happen, as in CI: it makes such a trial fail.

pub mod ask;
pub mod fakeproc;
pub mod holder;
pub mod listeners;
pub mod netns;
pub mod procnet;
pub mod pty;
pub mod raw;
pub mod run;
pub mod selfcheck;
pub mod states;
pub mod tempdir;
pub mod trial;
pub mod udp;
pub mod unix;

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What every fallible function of the kit returns.
pub use anyhow::Result;

pub use trial::{Trial, plain_trial, trial};

/// A name and what is to be tried under it.
pub type Check = (&'static str, fn() -> Result<()>);

/// The same for something that is tried with several `T`, such as every family.
pub type CheckOf<T> = (&'static str, fn(T) -> Result<()>);

/// How long the kernel, or the program, gets to do what it must do. All recipes together take a
/// second or two; this is for a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The error for "this machine, or this user, cannot do that": it makes a trial ignored, where
/// every other error makes it failed.
#[derive(Debug)]
pub struct Impossible(pub String);

/// The error for "the machine was so loud that nothing can be said": the trial is tried again.
#[derive(Debug)]
pub struct Disturbed(pub String);

impl fmt::Display for Disturbed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Disturbed {}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Impossible {}

/// Lets this process have `needed` descriptors, and more where it had more already.
pub fn many_descriptors(needed: u64) -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if let Some(maximum) = maximum.filter(|maximum| *maximum < needed) {
        let why = format!("{maximum} file descriptors are allowed, which is fewer than {needed}");
        return Err(Impossible(why).into());
    }
    if current.is_some_and(|current| current < needed) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum })?;
    }
    Ok(())
}

/// Asks `probe` until it answers `Some`, for [`PATIENCE`] at the most.
///
/// There is no event to wait for when a socket changes its state, so this looks again every
/// millisecond; it never just sleeps and hopes.
pub fn poll<T>(wanted: &str, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        anyhow::ensure!(Instant::now() < deadline, "not within {PATIENCE:?}: {wanted}");
        thread::sleep(Duration::from_millis(1));
    }
}
