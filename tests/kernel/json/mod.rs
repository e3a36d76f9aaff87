//! The JSON contract: what scripts may rely on.
//!
//! [`shapes`] is a second copy of the documents, written down by hand from docs and design and
//! independent of the program's own types: a member that it does not know, or a word, fails. The
//! shapes may grow; then they grow here as well, and on purpose. [`schema`] holds the committed
//! JSON Schema against the program and against real output.

mod documents;
mod population;
mod schema;
mod shapes;

use crate::kit::Trial;

/// All trials.
pub fn trials() -> Vec<Trial> {
    [documents::trials(), schema::trials()].into_iter().flatten().collect()
}
