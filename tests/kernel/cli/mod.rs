//! What the program says, to the letter: stdout, stderr and exit status of every command.
//!
//! Each trial is a transcript of some commands, compared with a file of `tests/expected`. Where
//! sockets are shown they come from a `/proc` of our own making, so that the answer is the same on
//! every machine. After a change that is meant, `SOCKSTATE_BLESS=1 cargo test --test kernel -- cli::` writes
//! the files anew, and `git diff` shows what changed for the people and scripts who read it.

mod completions;
mod errors;
mod help;
mod hostile;
mod malformed;
pub mod population;
mod screen;
mod transcript;
mod views;

use crate::kit::Trial;

/// All trials.
pub fn trials() -> Vec<Trial> {
    let parts = [
        help::trials(),
        errors::trials(),
        completions::trials(),
        views::trials(),
        malformed::trials(),
        hostile::trials(),
        screen::trials(),
    ];
    parts.into_iter().flatten().collect()
}
