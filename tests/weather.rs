//! Bad weather: what the program needs and does not get. A right answer, or a clear error with
//! the exit status that goes with it; never a panic, never half a row.

mod kit;
#[path = "weather/nothing.rs"]
mod nothing;
#[path = "weather/output.rs"]
mod output;
#[path = "weather/permission.rs"]
mod permission;
#[path = "weather/rights.rs"]
mod rights;
#[path = "weather/signals.rs"]
mod signals;
#[path = "weather/source.rs"]
mod source;
#[path = "weather/terminal.rs"]
mod terminal;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use kit::netns::{Entered, enter_at_start};

/// The views, with flags that show as much as they can. Not the unix sockets that are connected:
/// of those the standard library makes some, for a moment, when it starts a program.
pub const VIEWS: [&str; 4] = ["status -t", "list -tua -p", "count --by state", "listeners -tx"];

fn main() -> ExitCode {
    // First of all: a process with threads may not enter a user namespace any more.
    let entered = enter_at_start();
    let arguments = Arguments::from_args();
    let modules: [fn(&Entered) -> Vec<Trial>; 7] = [
        nothing::trials,
        output::trials,
        permission::trials,
        rights::trials,
        signals::trials,
        source::trials,
        terminal::trials,
    ];
    let trials = modules.iter().flat_map(|trials| trials(&entered)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
