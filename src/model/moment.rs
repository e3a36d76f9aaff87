//! Points in time and spans between them, exact or as bounds.

/// A point in time: nanoseconds on the caller's clock, whichever that is.
///
/// Snapshots and events must use the same one; `CLOCK_MONOTONIC` is the clock
/// that perf events can carry too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// Nanoseconds from `earlier` to this; 0 where it is the later one.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the moment this many nanoseconds earlier.
    pub fn before(self, nanos: u64) -> Self {
        Self(self.0.saturating_sub(nanos))
    }
}

/// The time at which something happened, or its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The kernel said when.
    Exact(Moment),
    /// Between two looks: not before `min`, not after `max`.
    Between {
        /// Not before this.
        min: Moment,
        /// Not after this.
        max: Moment,
    },
}

impl When {
    /// Returns the earliest moment it can be.
    pub fn min(self) -> Moment {
        match self {
            Self::Exact(at) | Self::Between { min: at, .. } => at,
        }
    }

    /// Returns the latest moment it can be.
    pub fn max(self) -> Moment {
        match self {
            Self::Exact(at) | Self::Between { max: at, .. } => at,
        }
    }

    /// Tells whether the kernel said when.
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Exact(_))
    }
}

/// The time that something lasted, in nanoseconds; equal bounds when it is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dwell {
    /// At least this long.
    pub min: u64,
    /// At most this long, where that is known.
    pub max: Option<u64>,
}

impl Dwell {
    /// Measures from a beginning, whose lower bound may be unknown, to an end.
    pub fn between(begin_min: Option<Moment>, begin_max: Moment, end: When) -> Self {
        Self { min: end.min().since(begin_max), max: begin_min.map(|begin| end.max().since(begin)) }
    }

    /// Tells whether the bounds are equal.
    pub fn is_exact(self) -> bool {
        self.max == Some(self.min)
    }
}
