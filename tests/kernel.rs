//! End-to-end tests: the built program against real sockets on this machine's kernel.
//!
//! Everything happens in private network namespaces, see [`kit`]. Run with root's privileges or
//! without; `cargo test --test kernel -- list::` runs a part.

mod kit;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    // First of all: a process with threads may not enter a user namespace any more.
    let entered = kit::netns::enter_at_start();
    let arguments = Arguments::from_args();
    let trials = kit::selfcheck::trials(&entered);
    libtest_mimic::run(&arguments, trials).exit_code()
}
