//! `events`: real connections, and what the program tells of them.
//!
//! Each trial has a network namespace of its own, but tracepoints see every namespace: with them
//! a trial looks at the ports it used itself.

#[path = "events/ends.rs"]
mod ends;
mod kit;
#[path = "events/lines.rs"]
mod lines;
#[path = "events/lives.rs"]
mod lives;
#[path = "events/overload.rs"]
mod overload;
#[path = "events/paths.rs"]
mod paths;
#[path = "events/shape.rs"]
mod shape;
#[allow(dead_code, reason = "shared with trace_kernel")]
#[path = "trace/traffic.rs"]
mod traffic;
#[path = "events/watch.rs"]
mod watch;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use kit::netns::enter_at_start;

fn main() -> ExitCode {
    // First of all: a process with threads may not enter a user namespace any more.
    let entered = enter_at_start();
    let arguments = Arguments::from_args();
    let modules = [lives::trials, paths::trials, overload::trials, ends::trials, lines::trials];
    let trials = modules.iter().flat_map(|trials| trials(&entered)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
