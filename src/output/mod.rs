//! Floor 4: what a command found, as text or JSON.
//!
//! Everything here returns bytes or writes to an [`out::Out`]; nothing decides.

pub mod alert_summary;
pub mod cells;
pub mod columns;
pub mod json;
pub mod out;
pub mod style;
pub mod table;
pub mod text;
