//! The outcome of reading a table, and the sink of its rows.

use std::ops::ControlFlow;

use crate::model::gap::Gap;
use crate::model::row::Row;

/// Receives rows as they are read; breaking stops the reading.
pub type Sink<'s> = dyn FnMut(&Row<'_>) -> ControlFlow<()> + 's;

/// The outcome of reading one table.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub rows: u64,
    pub gaps: Vec<Gap>,
    pub stopped: bool,
}
