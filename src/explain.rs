//! What a name means: states, rules, kernel parameters, counters, and the life
//! of a connection, as pages with this machine's numbers filled in.
//!
//! The pages are the files in `explain/pages/`; rules, parameters and counters
//! have theirs made from the catalogue of rules and the tables of
//! [`crate::model::host`], so that there is one place for each text. [`find`] leads from any spelling of a name to its page,
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
pub use names::{find, topics};
pub use page::{Block, Now, Page, PageGroup, Section};
