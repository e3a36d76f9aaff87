//! The filter of the transitions on the screen.

use std::sync::Arc;

use crate::model::transition::Transition;
use crate::query::Selection;

/// Decides what passes.
#[derive(Clone, Debug, Default)]
pub enum LogFilter {
    /// There is none: everything passes.
    #[default]
    All,
    /// It could not be used: nothing passes, since that of no filter would be
    /// taken for that of this one.
    Nothing,
    /// A transition passes where the filter gives this answer.
    By(Arc<Selection>, bool),
}

impl LogFilter {
    /// Returns whether a transition passes.
    pub fn passes(&self, change: &Transition) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::By(selection, answer) => selection.answers(change, *answer),
        }
    }

    /// Returns whether it is the same one, not made anew.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, Self::All) | (Self::Nothing, Self::Nothing) => true,
            (Self::By(a, answer), Self::By(b, other)) => Arc::ptr_eq(a, b) && answer == other,
            _ => false,
        }
    }
}
