//! Bad weather: what the program needs and does not get. A right answer, or a clear error with
//! the exit status that goes with it; never a panic, never half a row.

mod limits;
mod nothing;
mod output;
mod permission;
mod rights;
mod signals;
mod source;
mod terminal;

use crate::kit::Trial;

/// The views, with flags that show as much as they can. Not the unix sockets that are connected:
/// of those the standard library makes some, for a moment, when it starts a program.
pub const VIEWS: [&str; 4] = ["status -t", "list -tua -p", "count --by state", "listeners -tx"];

/// All trials.
pub fn trials() -> Vec<Trial> {
    let parts = [
        limits::trials(),
        nothing::trials(),
        output::trials(),
        permission::trials(),
        rights::trials(),
        signals::trials(),
        source::trials(),
        terminal::trials(),
    ];
    parts.into_iter().flatten().collect()
}
