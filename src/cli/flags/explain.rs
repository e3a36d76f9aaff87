//! Flags of `explain`.

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  sockstate explain                            what there is to explain
  sockstate explain close-wait                 a state
  sockstate explain accept-queue-overflow      an alert rule
  sockstate explain tcp_fin_timeout            a kernel parameter
  sockstate explain ListenOverflows            a counter
  sockstate explain diagram                    all states in a picture";

/// Flags of `explain`.
#[derive(Args, Debug)]
pub struct ExplainFlags {
    /// A state, alert rule, kernel parameter, counter or topic
    #[arg(value_name = "NAME")]
    pub name: Vec<String>,
}
