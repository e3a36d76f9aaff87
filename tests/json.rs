//! The JSON contract: what scripts may rely on.
//!
//! [`shapes`] is a second copy of the documents, written down by hand from docs and design and
//! independent of the program's own types: a member that it does not know, or a word, fails. The
//! shapes may grow; then they grow here as well, and on purpose. [`schema`] holds the committed
//! JSON Schema against the program and against real output.

#[path = "json/documents.rs"]
mod documents;
mod kit;
#[path = "json/population.rs"]
mod population;
#[path = "json/schema.rs"]
mod schema;
#[path = "json/shapes.rs"]
mod shapes;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use kit::netns::enter_at_start;

fn main() -> ExitCode {
    // First of all: a process with threads may not enter a user namespace any more.
    let entered = enter_at_start();
    let arguments = Arguments::from_args();
    let mut trials = documents::trials(&entered);
    trials.extend(schema::trials(&entered));
    libtest_mimic::run(&arguments, trials).exit_code()
}
