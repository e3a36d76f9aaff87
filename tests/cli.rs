//! What the program says, to the letter: stdout, stderr and exit status of every command.
//!
//! Each trial is a transcript of some commands, compared with a file of `tests/expected`. Where
//! sockets are shown they come from a `/proc` of our own making, so that the answer is the same on
//! every machine. After a change that is meant, `SOCKSTATE_BLESS=1 cargo test --test cli` writes
//! the files anew, and `git diff` shows what changed for the people and scripts who read it.

#[path = "cli/completions.rs"]
mod completions;
#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/help.rs"]
mod help;
mod kit;
#[path = "cli/malformed.rs"]
mod malformed;
#[path = "cli/population.rs"]
mod population;
#[path = "cli/screen.rs"]
mod screen;
#[path = "cli/transcript.rs"]
mod transcript;
#[path = "cli/views.rs"]
mod views;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let modules = [
        help::trials,
        errors::trials,
        completions::trials,
        views::trials,
        malformed::trials,
        screen::trials,
    ];
    let trials = modules.iter().flat_map(|trials| trials()).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
