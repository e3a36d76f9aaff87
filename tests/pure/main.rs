//! The parts of the crate that need no kernel, and the documents that are generated from it.

mod decoder;
mod explain;
mod filter_cases;
mod floors;
mod fuzz;
mod man;
mod rules_doc;
mod track;
