//! Flags of `status`.

use clap::Args;

use super::repeat::RepeatFlags;

pub(super) const EXAMPLES: &str = "\
Examples:
  sockstate                                    the same
  sockstate status -t                          without UDP, raw and unix sockets
  sockstate status --json | jq .tcp
  sockstate status --interval 5s --count 2     twice, with what changed in between";

/// Flags of `status`.
#[derive(Args, Debug, Default)]
pub struct StatusFlags {
    #[command(flatten)]
    pub repeat: RepeatFlags,
}
