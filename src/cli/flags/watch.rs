//! Flags of `watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::{duration, percent};
use super::words::WordsFlags;

pub(super) const EXAMPLES: &str = "\
Examples:
  sockstate watch                              the live terminal; ? shows the keys
  sockstate watch state close-wait             with a filter on the sockets
  sockstate watch --plain --transitions        lines, for a log
  sockstate watch --json | jq .alert.summary   alerts as they begin and end
  sockstate watch --notify /usr/local/bin/page";

/// Flags of `watch`.
#[derive(Args, Debug)]
pub struct WatchFlags {
    /// Time between two looks
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub interval: Duration,
    /// Look less often where more than this share of one CPU would be used
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    pub max_cpu: f64,
    /// Lines instead of the live terminal
    #[arg(long)]
    pub plain: bool,
    /// With --plain or --json: a line for each transition too
    #[arg(long)]
    pub transitions: bool,
    /// With --plain or --json: end after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Thresholds, exceptions and custom rules; without it the user's
    /// sockstate/rules.toml, else the one in /etc
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Run this for every alert that begins or ends, with its JSON on standard
    /// input; split at blanks, there is no shell
    ///
    /// Eight run at a time, ten seconds each at the most; a thousand events wait for their turn. What does
    /// not get through is told as a gap.
    #[arg(long, value_name = "COMMAND")]
    pub notify: Option<String>,
    /// Let the key K close sockets and signal processes, after asking
    #[arg(long)]
    pub allow_actions: bool,
    /// Draw with ASCII only
    #[arg(long)]
    pub ascii: bool,
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,
    /// Keys of your own; without it the user's sockstate/watch.toml, else the
    /// one in /etc
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub words: WordsFlags,
}
