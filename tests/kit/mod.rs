//! The kit of the end-to-end tests: real sockets, on a real kernel, in every state.
//!
//! A test crate that uses it is a `harness = false` binary which calls [`netns::enter_at_start`]
//! first of all and makes its trials with [`trial`]. Each trial then runs on a thread of its own
//! in a network namespace of its own, so the only sockets there are those it made itself: a
//! recipe of [`states`], [`listeners`], [`udp`] or [`unix`], perhaps handed to another process by
//! [`holder`]. It runs the built program with [`run`], on a terminal with [`pty`], and compares what that says with what the
//! recipe made ([`ask`] reads its JSON). [`procnet`] is the second opinion, and [`selfcheck`] proves the recipes by it.
//!
//! ```ignore
//! kit::trial("list::shows_close_wait", &entered, || {
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

#![allow(dead_code, reason = "shared by several test crates, none of which uses every recipe")]

pub mod ask;
pub mod fakeproc;
pub mod holder;
pub mod listeners;
pub mod netns;
pub mod procnet;
pub mod pty;
mod raw;
pub mod run;
pub mod selfcheck;
pub mod states;
pub mod tempdir;
pub mod udp;
pub mod unix;

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed, Trial};

/// What every fallible function of the kit returns.
pub use anyhow::Result;

/// A name and what is to be tried under it.
pub type Check = (&'static str, fn() -> Result<()>);

/// The same for something that is tried with several `T`, such as every family.
pub type CheckOf<T> = (&'static str, fn(T) -> Result<()>);

/// How long the kernel gets to bring a socket where a recipe wants it. All recipes together take
/// a second or two; this is for a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The error for "this machine, or this user, cannot do that": it makes a trial ignored, where
/// every other error makes it failed.
#[derive(Debug)]
pub struct Impossible(pub String);

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Impossible {}

/// Makes a trial that runs `body` in a fresh network namespace, or is reported as ignored when
/// `entered` says why there cannot be one.
pub fn trial<F>(name: impl Into<String>, entered: &netns::Entered, body: F) -> Trial
where
    F: FnOnce() -> Result<()> + Send + 'static,
{
    let entered = entered.clone();
    Trial::ignorable_test(name, move || match entered {
        Ok(_) => completion(netns::in_fresh_netns(body)),
        Err(reason) => ignored(format!("no network namespace: {reason}")),
    })
}

/// Makes a trial that needs no network namespace.
pub fn plain_trial<F>(name: impl Into<String>, body: F) -> Trial
where
    F: FnOnce() -> Result<()> + Send + 'static,
{
    Trial::ignorable_test(name, move || completion(body()))
}

/// Translates the result of a trial's body for the harness.
fn completion(result: Result<()>) -> std::result::Result<Completion, Failed> {
    match result {
        Ok(()) => Ok(Completion::Completed),
        Err(error) if error.is::<Impossible>() => ignored(format!("{error:#}")),
        Err(error) => Err(format!("{error:#}").into()),
    }
}

/// Reports a trial as ignored, or as failed where the environment asks for all of them.
fn ignored(reason: String) -> std::result::Result<Completion, Failed> {
    if std::env::var_os("SOCKSTATE_REQUIRE_KERNEL").is_some() {
        return Err(reason.into());
    }
    Ok(Completion::ignored_with(reason))
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
