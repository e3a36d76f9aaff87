//! Flags of `ports`.

use std::time::Duration;

use clap::Args;

use super::values::duration;
use super::words::WordsFlags;

pub(super) const EXAMPLES: &str = "\
Examples:
  sockstate ports                              how full every budget is
  sockstate ports dport 443                    towards port 443
  sockstate ports -p                           who opened the connections
  sockstate ports --interval 1s                how fast it fills, by two looks
  sockstate ports --json | jq '.budgets[] | select(.used_ratio >= 0.8)'";

/// Flags of `ports`.
#[derive(Args, Debug)]
pub struct PortsFlags {
    /// Look twice, so long apart, and tell how fast each budget is used up: 5s, 500ms, 1m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub interval: Option<Duration>,
    /// Show at most so many budgets
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    #[command(flatten)]
    pub words: WordsFlags,
}
