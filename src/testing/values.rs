//! Values that tests, benches and fuzz targets begin with: the plain or the whole
//! of something of which the program takes what it was asked for.

use crate::filter::{Lookup, TablePlan, TableReading, TestedRow};
use crate::model::proto::TableId;
use crate::model::row::Row;
use crate::output::text::TextColumn;
use crate::source::Shortcuts;
use crate::track::Complete;

/// Knows nothing outside the row.
struct NoLookup;

impl Lookup for NoLookup {
    fn cgroup_path(&self, _: u64) -> Option<&str> {
        None
    }

    fn unix_name(&self, _: u32) -> Option<&str> {
        None
    }
}

impl<'a> TestedRow<'a> {
    /// Returns a row of which nothing more is known.
    pub fn new(row: &'a Row<'a>) -> Self {
        Self {
            row,
            owners: None,
            lookup: &NoLookup,
            ephemeral: None,
            marks_visible: false,
            age: None,
        }
    }
}

impl<'a> TableReading<'a> {
    /// Returns the reading of a table by its plan alone.
    pub fn of((table, plan): &'a (TableId, TablePlan)) -> Self {
        Self { table: *table, states: plan.states, types: Vec::new(), plan: Some(plan) }
    }
}

impl Shortcuts {
    /// The plain way.
    pub const NONE: Self =
        Self { one_walk: false, two_threads: Some(false), sums: false, census: false };
}

impl Complete {
    /// Returns every table.
    pub fn all() -> Self {
        TableId::ALL.into_iter().fold(Self::NONE, Self::with)
    }
}

impl TextColumn {
    /// Every column.
    pub const ALL: [Self; 8] = [
        Self::Proto,
        Self::State,
        Self::Queues,
        Self::Ends,
        Self::Age,
        Self::Timer,
        Self::Ids,
        Self::Process,
    ];
}
