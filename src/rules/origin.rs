//! Where a value came from.

use std::fmt;

use crate::model::escape::harmless;

/// Names the place where a value was set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The program.
    #[default]
    Default,
    /// A line of a file.
    File {
        /// The file.
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line } => write!(f, "{}:{line}", harmless(name)),
            Self::Flag(flag) => f.write_str(&harmless(flag)),
        }
    }
}

/// Holds a value and where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set<T> {
    /// The value.
    pub value: T,
    /// Its origin.
    pub origin: Origin,
}

impl<T> Set<T> {
    /// Makes a value with its origin.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}
