//! `--interval` and `--count`.

use std::time::Duration;

use clap::Args;

use super::values::duration;

/// How often a command is repeated.
#[derive(Args, Debug, Default)]
pub struct RepeatFlags {
    /// Again and again with this time between, with the changes since the round before
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub interval: Option<Duration>,
    /// With --interval: so many rounds
    #[arg(
        long = "count",
        value_name = "N",
        requires = "interval",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub rounds: Option<u64>,
}
