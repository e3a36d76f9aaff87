//! Flags of `events`.

use std::time::Duration;

use clap::Args;

use super::values::duration;
use super::words::WordsFlags;

pub(super) const EXAMPLES: &str = "\
Examples:
  sockstate events                             every transition of TCP sockets
  sockstate events to close-wait               who is hung up on
  sockstate events from syn-sent to close --duration 1m
  sockstate events --summary --duration 10s    how often, and how long states last
  sockstate events --json sport = :443         for scripts, an object a line";

/// Flags of `events`.
#[derive(Args, Debug)]
pub struct EventsFlags {
    /// Time between two snapshots
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub interval: Duration,
    /// End after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Instead of each transition how many of each there were and how long states lasted: at the
    /// end, or every TIME
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, value_parser = duration)]
    pub summary: Option<Option<Duration>>,
    #[command(flatten)]
    pub words: WordsFlags,
}
