//! Numbers with units: sizes and times.

use super::ast::Quantity;

/// What numbers of a quantity are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A plain number, or one in multiples of 1024.
    Count,
    /// A number with a unit of time; held in microseconds.
    Time,
}

pub(super) fn of(quantity: Quantity) -> Unit {
    match quantity {
        Quantity::Age | Quantity::RoundTrip => Unit::Time,
        _ => Unit::Count,
    }
}

/// Units of time in microseconds, the longest first.
const TIMES: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Units of size, the largest first.
const SIZES: [(&str, u64); 4] = [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10), ("", 1)];

/// How many of the smallest unit a suffix stands for.
pub(super) fn factor(unit: Unit, suffix: &str) -> Option<u64> {
    let units: &[(&str, u64)] = match unit {
        Unit::Time => &TIMES,
        Unit::Count => &SIZES,
    };
    units.iter().find(|(name, _)| name.eq_ignore_ascii_case(suffix)).map(|(_, factor)| *factor)
}

/// A time in the longest unit that gives a whole number.
pub(super) fn time(microseconds: u64) -> String {
    let whole = |(_, factor): &&(&str, u64)| microseconds.is_multiple_of(*factor);
    match TIMES.iter().find(whole) {
        _ if microseconds == 0 => "0s".to_owned(),
        Some((name, factor)) => format!("{}{name}", microseconds / factor),
        None => format!("{microseconds}us"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_in_the_longest_whole_unit() {
        let cases = [
            (0, "0s"),
            (1, "1us"),
            (1_500, "1500us"),
            (100_000, "100ms"),
            (90_000_000, "90s"),
            (300_000_000, "5m"),
            (172_800_000_000, "2d"),
        ];
        for (microseconds, text) in cases {
            assert_eq!(time(microseconds), text);
        }
    }

    #[test]
    fn m_is_minutes_or_mebibytes() {
        assert_eq!(factor(Unit::Time, "m"), Some(60_000_000));
        assert_eq!(factor(Unit::Count, "M"), Some(1 << 20));
        assert_eq!(factor(Unit::Time, ""), None);
        assert_eq!(factor(Unit::Count, ""), Some(1));
        assert_eq!(factor(Unit::Count, "ms"), None);
    }
}
