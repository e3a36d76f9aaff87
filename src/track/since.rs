//! Since when a state holds, both bounds in eight bytes.

use crate::model::moment::{Moment, When};

/// The longest time before the tracker's first look at which a state can have
/// begun and still be told: 2^46 µs, more than two years.
const PAST: u64 = 1 << 46;
/// Bits of the width; the upper bound has the other 48: nine years.
const WIDTH_BITS: u32 = 16;
/// A width without a bound: nobody knows when the state began.
const UNBOUNDED: u64 = (1 << WIDTH_BITS) - 1;
/// Bits of the width's mantissa, without the leading one.
const MANTISSA: u32 = 11;
/// The largest exponent; the one above means unbounded.
const MAX_EXPONENT: u64 = 30;

/// The zero of a tracker's microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Epoch(u64);

impl Epoch {
    pub(super) fn starting(first: Moment) -> Self {
        Self((first.0 / 1000).saturating_sub(PAST))
    }

    fn micros(self, at: Moment) -> u64 {
        (at.0 / 1000).saturating_sub(self.0).min((1 << 48) - 1)
    }

    fn moment(self, micros: u64) -> Moment {
        Moment((self.0 + micros).saturating_mul(1000))
    }
}

/// The upper bound in microseconds, and the way down to the lower bound as a
/// 16-bit floating-point number that is rounded up: the bounds only widen, by
/// less than a thousandth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Since(u64);

impl Since {
    /// Nothing is known yet.
    pub(super) const UNKNOWN: Self = Self(UNBOUNDED);

    /// Makes the moment itself, to the microsecond.
    pub(super) fn exactly(at: Moment, epoch: Epoch) -> Self {
        Self(epoch.micros(at) << WIDTH_BITS)
    }

    /// Makes a time not before `min`, where known, and not after `max`.
    pub(super) fn between(min: Option<Moment>, max: Moment, epoch: Epoch) -> Self {
        let upper = epoch.micros(Moment(max.0.saturating_add(999)));
        let width = match min {
            // Half a microsecond is no uncertainty worth a claim of two bounds.
            Some(min) => encode((upper - epoch.micros(min).min(upper)).max(1)),
            None => UNBOUNDED,
        };
        Self(upper << WIDTH_BITS | width)
    }

    pub(super) fn of(when: When, epoch: Epoch) -> Self {
        match when {
            When::Exact(at) => Self::exactly(at, epoch),
            When::Between { min, max } => Self::between(Some(min), max, epoch),
        }
    }

    /// Returns the upper bound.
    pub(super) fn max(self, epoch: Epoch) -> Moment {
        epoch.moment(self.0 >> WIDTH_BITS)
    }

    /// Returns the lower bound, where known.
    pub(super) fn min(self, epoch: Epoch) -> Option<Moment> {
        let width = decode(self.0 & UNBOUNDED)?;
        Some(epoch.moment((self.0 >> WIDTH_BITS).saturating_sub(width)))
    }

    /// Returns the narrowest bounds that hold both.
    pub(super) fn hull(self, other: Self, epoch: Epoch) -> Self {
        if self == other {
            return self;
        }
        let min = self.min(epoch).zip(other.min(epoch)).map(|(a, b)| a.min(b));
        Self::between(min, self.max(epoch).max(other.max(epoch)), epoch)
    }

    /// Tells whether both bounds are one moment.
    pub(super) fn is_exact(self) -> bool {
        self.0 & UNBOUNDED == 0
    }
}

fn encode(width: u64) -> u64 {
    let bits = 64 - width.leading_zeros();
    let shift = bits.saturating_sub(MANTISSA + 1);
    let rounded = width.div_ceil(1 << shift);
    if shift == 0 && rounded < 1 << MANTISSA {
        return rounded;
    }
    // Rounding up can carry into the next power of two; then the mantissa is 0.
    let carry = rounded >> (MANTISSA + 1);
    let exponent = u64::from(shift) + 1 + carry;
    let mantissa = (rounded >> carry) & ((1 << MANTISSA) - 1);
    if exponent > MAX_EXPONENT { UNBOUNDED } else { exponent << MANTISSA | mantissa }
}

fn decode(code: u64) -> Option<u64> {
    let (exponent, mantissa) = (code >> MANTISSA, code & ((1 << MANTISSA) - 1));
    match exponent {
        0 => Some(mantissa),
        e if e > MAX_EXPONENT => None,
        e => Some((mantissa | 1 << MANTISSA) << (e - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_exact_moment_survives_to_the_microsecond() {
        let epoch = Epoch::starting(Moment(1_800_000_000_000_000_000));
        let at = Moment(1_800_000_000_123_456_000);
        let since = Since::exactly(at, epoch);
        assert!(since.is_exact());
        assert_eq!((since.min(epoch), since.max(epoch)), (Some(at), at));
    }

    #[test]
    fn an_unknown_beginning_stays_unknown() {
        let epoch = Epoch::starting(Moment(0));
        let since = Since::between(None, Moment(5_000), epoch);
        assert_eq!((since.min(epoch), since.max(epoch)), (None, Moment(5_000)));
        let month = Moment(30 * 86_400 * 1_000_000_000);
        assert_eq!(Since::between(Some(Moment(0)), month, epoch).min(epoch), None);
    }

    proptest! {
        #[test]
        fn bounds_only_widen_and_by_less_than_a_thousandth(
            first in 0_u64..2_000_000_000_000_000_000,
            later in 0_u64..86_400_000_000_000 * 100,
            width in 1_u64..86_400_000_000_000 * 20,
        ) {
            let epoch = Epoch::starting(Moment(first));
            let max = Moment(first + later);
            let min = Moment(max.0.saturating_sub(width));
            let since = Since::between(Some(min), max, epoch);
            let (told_min, told_max) = (since.min(epoch).expect("below 25 days"), since.max(epoch));
            prop_assert!(told_min <= min && max <= told_max && !since.is_exact());
            prop_assert!(told_max.since(told_min) <= max.since(min) + max.since(min) / 1000 + 4_000);
        }
    }
}
