//! The exact event sources against this machine's kernel: tracepoints through perf rings, and the
//! destroy multicast.
//!
//! Tracepoints see every namespace, so each trial looks at the ports it used itself. Without the
//! privilege to trace, their trials are reported as ignored, with the program's own reason.

mod destroy;
mod record;
pub mod refused;
mod tracer;
pub mod traffic;
mod watch;

use sockstate::testing::sys::perf::{TraceOptions, Tracer};

use crate::kit::{Impossible, Result, Trial};

/// All trials.
pub fn trials() -> Vec<Trial> {
    let parts = [tracer::trials(), destroy::trials(), refused::trials(), record::trials()];
    parts.into_iter().flatten().map(Trial::that_listens).collect()
}

/// A tracer, or the reason why there cannot be one here.
fn open(options: &TraceOptions) -> Result<Tracer> {
    Tracer::open(options).map_err(|error| Impossible(error.to_string()).into())
}
