//! Every alert rule against real sockets on this machine's kernel: what makes
//! it fire, a near miss, and recovery.

mod kit;
mod rules;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    // First of all: a process with threads may not enter a user namespace any more.
    let entered = kit::netns::enter_at_start();
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, rules::trials(&entered)).exit_code()
}
