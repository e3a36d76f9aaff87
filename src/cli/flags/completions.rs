//! Flags of `completions`.

use clap::{Args, ValueEnum};

/// Flags of `completions`.
#[derive(Args, Debug)]
pub struct CompletionsFlags {
    /// The shell
    pub shell: Shell,
}

/// A shell with completions.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}
