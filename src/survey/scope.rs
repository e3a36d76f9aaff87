//! What a look is about.

use crate::model::proto::{Proto, TableId};
use crate::model::want::Extras;
use crate::query::Selection;
use crate::rules::Needs;

/// What to look at.
#[derive(Clone)]
pub struct LookScope<'s> {
    /// The tables.
    pub tables: Vec<TableId>,
    /// What the rules need.
    pub needs: Needs,
    /// What custom rules count, in their order.
    pub custom: &'s [Selection],
    /// What each row of the first look must carry.
    pub extras: Extras,
}

impl LookScope<'_> {
    /// Returns the tables of one protocol.
    pub fn tables_of(&self, proto: Proto) -> Vec<TableId> {
        self.tables.iter().copied().filter(|table| table.proto == proto).collect()
    }
}
