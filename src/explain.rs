//! What a name means: states, rules, kernel parameters, counters, and the life
//! of a connection, as pages with this machine's numbers filled in.
//!
//! The pages are the files in `explain/pages/`; parameters and counters have
//! theirs made from the tables of [`crate::model::host`], so that there is one
//! place for each text. [`find`] leads from any spelling of a name to its page,
//! [`Page::fill`] puts in the numbers. Lines are broken where they are shown,
//! not here.

mod diagram;
mod fill;
mod names;
mod page;
mod parse;
mod tables;
#[cfg(test)]
mod tests;

pub use diagram::{DIAGRAM, diagram};
pub use fill::{Known, NOT_KNOWN};
pub use names::{Unknown, find, topics};
pub use page::{Block, Group, Now, Page, Section};

/// The rules that have a page.
pub const RULE_IDS: [&str; 21] = [
    "close-wait-leak",
    "accept-queue-overflow",
    "accept-stall",
    "syn-queue-full",
    "time-wait-flood",
    "port-exhaustion",
    "fin-wait2-stuck",
    "fin-wait1-stuck",
    "last-ack-stuck",
    "closing-stuck",
    "syn-sent-stuck",
    "retransmit-stall",
    "zero-window-stall",
    "recv-queue-stuck",
    "send-queue-stuck",
    "udp-drops",
    "unix-queue-full",
    "self-connect",
    "orphan-pressure",
    "tcp-memory",
    "dead-fd-leak",
];
