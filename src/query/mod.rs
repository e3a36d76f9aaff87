//! Which rows a command is about, and what a row says: selection and filter,
//! names, lookups beyond a row's own bytes, fields.

pub mod fields;
mod lookups;
mod names;
mod selection;

pub use lookups::{Lookups, Subflows, UnixPattern, unix_names};
pub use names::SystemNames;
pub use selection::{Means, Selection};
