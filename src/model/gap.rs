//! Gaps: parts that could not be seen, in every answer, never swallowed.

use super::escape::harmless;

/// Something the answer lacks, with the reason and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The part that is missing, one word that scripts can match: `owners`, `tcp`, ….
    pub what: &'static str,
    /// The number of items that are affected; absent where that cannot be known.
    pub count: Option<u64>,
    /// The reason why it is missing, one sentence without a full stop.
    pub reason: String,
    /// The remedy; absent where nothing helps.
    pub remedy: Option<String>,
}

impl Gap {
    /// Returns a gap with a reason only.
    pub fn new(what: &'static str, reason: impl Into<String>) -> Self {
        // It may quote paths and what others say.
        Self { what, count: None, reason: harmless(&reason.into()).into_owned(), remedy: None }
    }

    /// Returns the same gap, affecting `count` items.
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Returns the same gap with what would help.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(harmless(&remedy.into()).into_owned());
        self
    }
}
