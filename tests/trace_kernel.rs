//! The exact event sources against this machine's kernel: tracepoints through perf rings, and the
//! destroy multicast.
//!
//! Tracepoints see every namespace, so each trial looks at the ports it used itself. Without the
//! privilege to trace, their trials are reported as ignored, with the program's own reason.

mod kit;
mod trace;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(trace::refused::PROBE) {
        return trace::refused::probe();
    }
    // First of all: a process with threads may not enter a user namespace any more.
    let entered = kit::netns::enter_at_start();
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, trace::trials(&entered)).exit_code()
}
