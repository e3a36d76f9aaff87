//! Which transitions the filter lets through to the screen.

use std::sync::Arc;

use crate::model::transition::Transition;
use crate::query::Selection;

/// What became of the filter.
#[derive(Clone, Debug, Default)]
pub enum Sieve {
    /// There is none: everything passes.
    #[default]
    Open,
    /// It could not be used: nothing passes, since that of no filter would be
    /// taken for that of this one.
    Shut,
    /// A transition passes where the filter gives this answer.
    Of(Arc<Selection>, bool),
}

impl Sieve {
    /// Whether a transition passes.
    pub fn passes(&self, change: &Transition) -> bool {
        match self {
            Self::Open => true,
            Self::Shut => false,
            Self::Of(selection, answer) => selection.answers(change, *answer),
        }
    }

    /// Whether it is the same one, not made anew.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Open, Self::Open) | (Self::Shut, Self::Shut) => true,
            (Self::Of(a, answer), Self::Of(b, other)) => Arc::ptr_eq(a, b) && answer == other,
            _ => false,
        }
    }
}
