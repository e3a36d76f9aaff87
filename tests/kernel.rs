//! End-to-end tests: the built program against real sockets on this machine's kernel.
//!
//! Everything happens in private network namespaces, see [`kit`]. Run with root's privileges or
//! without; `cargo test --test kernel -- tcp::` runs a part. One module asks one question of the
//! program, and nothing here knows its insides.

#[path = "kernel/ages.rs"]
mod ages;
#[path = "kernel/count.rs"]
mod count;
mod kit;
#[path = "kernel/listeners.rs"]
mod listeners;
#[path = "kernel/owners.rs"]
mod owners;
#[path = "kernel/status.rs"]
mod status;
#[path = "kernel/tcp.rs"]
mod tcp;
#[path = "kernel/udp.rs"]
mod udp;
#[path = "kernel/unix.rs"]
mod unix;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use kit::netns::{Entered, enter_at_start};

fn main() -> ExitCode {
    // First of all: a process with threads may not enter a user namespace any more.
    let entered = enter_at_start();
    let arguments = Arguments::from_args();
    let modules: [fn(&Entered) -> Vec<Trial>; 9] = [
        kit::selfcheck::trials,
        tcp::trials,
        ages::trials,
        owners::trials,
        listeners::trials,
        count::trials,
        status::trials,
        udp::trials,
        unix::trials,
    ];
    let trials = modules.iter().flat_map(|trials| trials(&entered)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
