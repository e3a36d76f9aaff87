//! Arguments in, exit status out.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: what a user chooses is opened without them.
    let laid_down = sockstate::lay_down_rights();
    let mut stderr = io::stderr().lock();
    if let Err(error) = laid_down {
        drop(writeln!(stderr, "sockstate: cannot lay down its capabilities: {error}"));
        return ExitCode::FAILURE;
    }
    // A file, because the standard library's own output looks for newlines in
    // everything that passes.
    let mut stdout = match io::stdout().as_fd().try_clone_to_owned() {
        Ok(owned) => File::from(owned),
        Err(error) => {
            // Nothing is left to be done when standard error is gone as well.
            drop(writeln!(stderr, "sockstate: no standard output: {error}"));
            return ExitCode::FAILURE;
        }
    };
    ExitCode::from(sockstate::run(std::env::args_os(), &mut stdout, &mut stderr))
}
