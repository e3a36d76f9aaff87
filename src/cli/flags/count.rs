//! Flags of `count`.

use clap::Args;

use crate::group::KEYS;

use super::repeat::RepeatFlags;
use super::words::WordsFlags;

pub(super) const EXAMPLES: &str = "\
Examples:
  sockstate count                              TCP sockets per state
  sockstate count --by remote state time-wait  which peers they were with
  sockstate count --by process,state           who has how many in which state
  sockstate count -tuwx --by family            every table";

/// Flags of `count`.
#[derive(Args, Debug)]
pub struct CountFlags {
    #[arg(
        long,
        value_name = "KEY[,KEY]",
        value_delimiter = ',',
        default_value = "state",
        help = by_help()
    )]
    pub by: Vec<String>,
    #[command(flatten)]
    pub repeat: RepeatFlags,
    #[command(flatten)]
    pub words: WordsFlags,
}

fn by_help() -> String {
    let names: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
    format!("What to count by: {}", names.join(", "))
}
