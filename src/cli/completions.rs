//! `completions`: from the same definitions as everything else.

use clap::CommandFactory;
use clap_complete::{Shell as Known, generate};

use super::context::Context;
use super::error::Error;
use super::flags::{Cli, Shell};

/// Writes the completions of a shell.
pub fn run(context: &mut Context<'_>, shell: Shell) -> Result<(), Error> {
    let known = match shell {
        Shell::Bash => Known::Bash,
        Shell::Zsh => Known::Zsh,
        Shell::Fish => Known::Fish,
    };
    let mut script = Vec::new();
    generate(known, &mut Cli::command(), "sockstate", &mut script);
    context.print(&script)
}
