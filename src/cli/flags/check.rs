//! Flags of `check`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::{duration, time};

pub(super) const EXAMPLES: &str = "\
Examples:
  sockstate check --print-rules                the rules, and where each number comes from
  sockstate check --max close-wait=10000       more than 10000 in CLOSE_WAIT is critical
  sockstate check --max close-wait=10000:5m    the same, only those older than 5 minutes
  sockstate check --rule self-connect --for 2s --json";

/// Flags of `check`.
#[derive(Args, Debug)]
pub struct CheckFlags {
    /// At most so many TCP sockets in a state, of that age: close-wait=100:5m;
    /// then only such rules and those of --rule are judged
    #[arg(long, value_name = "STATE=N[:AGE]")]
    pub max: Vec<String>,
    /// Only the rule of this id; may be given more than once
    #[arg(long, value_name = "ID")]
    pub rule: Vec<String>,
    /// Look for so long, for growth and rates
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub duration: Option<Duration>,
    /// With --for: time between two looks
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub interval: Duration,
    /// Thresholds, exceptions and custom rules; without it the user's
    /// sockstate/rules.toml, else the one in /etc
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Print the rules in force and where each value came from, and stop
    #[arg(long)]
    pub print_rules: bool,
    /// Run this for every alert that begins or ends, with its JSON on standard
    /// input; split at blanks, there is no shell
    ///
    /// Eight run at a time, ten seconds each at the most; a thousand events wait for their turn. What does
    /// not get through is told as a gap.
    #[arg(long, value_name = "COMMAND")]
    pub notify: Option<String>,
}
