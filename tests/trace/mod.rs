//! The trials of the exact event sources.

mod destroy;
mod record;
pub mod refused;
mod tracer;
mod traffic;
mod watch;

use libtest_mimic::Trial;
use sockstate::sys::perf::{TraceOptions, Tracer};

use super::kit::netns::Mode;
use super::kit::{Impossible, Result};

/// How [`super::kit::netns::enter_at_start`] went.
type Entered = std::result::Result<Mode, String>;

/// All trials.
pub fn trials(entered: &Entered) -> Vec<Trial> {
    [
        tracer::trials(entered),
        destroy::trials(entered),
        refused::trials(entered),
        record::trials(entered),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A tracer, or the reason why there cannot be one here.
fn open(options: &TraceOptions) -> Result<Tracer> {
    Tracer::open(options).map_err(|error| Impossible(error.to_string()).into())
}
