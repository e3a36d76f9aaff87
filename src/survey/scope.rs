//! The scope of a look.

use crate::model::proto::{Proto, TableId};
use crate::model::want::Extras;
use crate::query::Selection;
use crate::rules::Needs;

/// The scope of a look.
#[derive(Clone)]
pub struct LookScope<'s> {
    /// The tables.
    pub tables: Vec<TableId>,
    /// The needs of the rules.
    pub needs: Needs,
    /// The selections of the custom rules, in their order.
    pub custom: &'s [Selection],
    /// The facts that each row of the first look must carry.
    pub extras: Extras,
}

impl LookScope<'_> {
    /// Returns the tables of one protocol.
    pub fn tables_of(&self, proto: Proto) -> Vec<TableId> {
        self.tables.iter().copied().filter(|table| table.proto == proto).collect()
    }
}
