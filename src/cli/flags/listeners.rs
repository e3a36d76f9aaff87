//! Flags of `listeners`.

use clap::Args;

use super::words::WordsFlags;

pub(super) const EXAMPLES: &str = "\
Examples:
  sockstate listeners                          every TCP listener and its accept queue
  sockstate listeners -x                       unix listeners
  sockstate listeners --json | jq '.listeners[] | select(.full)'";

/// Flags of `listeners`.
#[derive(Args, Debug)]
pub struct ListenersFlags {
    #[command(flatten)]
    pub words: WordsFlags,
}
