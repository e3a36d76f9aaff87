//! The same sockets as `ss`: rows, states, queues, users, inodes and cookies.
//!
//! `ss` of iproute2 asks the same kernel by other code. Some thousands of sockets of every kind
//! are made in a namespace of their own and listed by both; what they say must be equal row for
//! row. Since a socket may change between two looks, `ss` looks before and after: where it agrees
//! with itself, it must agree with us.

#[path = "differential/compare.rs"]
mod compare;
mod kit;
#[path = "differential/ours.rs"]
mod ours;
#[path = "differential/population.rs"]
mod population;
#[path = "differential/ss.rs"]
mod ss;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use kit::netns::enter_at_start;

fn main() -> ExitCode {
    // First of all: a process with threads may not enter a user namespace any more.
    let entered = enter_at_start();
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, compare::trials(&entered)).exit_code()
}
