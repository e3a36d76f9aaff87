//! End-to-end tests: the built program against real sockets on this machine's kernel.
//!
//! One module asks one question of the program, and nothing here knows its insides.

mod ages;
mod count;
mod listeners;
mod owners;
mod shortcuts;
mod status;
mod tcp;
mod udp;
mod unix;

use crate::kit::Trial;

/// All trials.
pub fn trials() -> Vec<Trial> {
    let parts = [
        tcp::trials(),
        ages::trials(),
        owners::trials(),
        listeners::trials(),
        count::trials(),
        shortcuts::trials(),
        status::trials(),
        udp::trials(),
        unix::trials(),
    ];
    parts.into_iter().flatten().collect()
}
