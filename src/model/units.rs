//! Times and sizes as they are written in flags, rules.toml and the filter: one
//! grammar, and one exact text for each value.

use std::time::Duration;

/// Units of time in nanoseconds, the longest first; texts use the first name of each.
const TIMES: [(&[&str], u64); 6] = [
    (&["d"], 86_400_000_000_000),
    (&["h"], 3_600_000_000_000),
    (&["m", "min"], 60_000_000_000),
    (&["s"], 1_000_000_000),
    (&["ms"], 1_000_000),
    (&["us"], 1_000),
];

/// Units of size, the largest first.
const SIZES: [(&str, u64); 4] = [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10), ("", 1)];

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// The meaning of a time without a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bare {
    /// Seconds.
    Seconds,
    /// No time: where a number could as well be meant in another unit.
    Refused,
}

/// Reads a time: `500ms`, `0.5s`, `5 min`, `1h30m`; units may be in any case.
pub fn time(text: &str, bare: Bare) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0u128;
    loop {
        let letter = |c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E');
        let (number, behind) = rest.split_at(rest.find(letter).unwrap_or(rest.len()));
        let end = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let factor = match unit {
            "" if bare == Bare::Seconds && rest.len() == text.trim().len() => SECOND,
            unit => factor(unit)?,
        };
        total = total.checked_add(nanoseconds(number.trim(), factor)?)?;
        rest = behind.trim_start();
        if rest.is_empty() {
            return duration(total);
        }
    }
}

fn factor(unit: &str) -> Option<u64> {
    let named = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(unit));
    TIMES.iter().find(|(names, _)| named(names)).map(|(_, factor)| *factor)
}

/// Returns so many of a unit, exact where the number is whole.
fn nanoseconds(number: &str, factor: u64) -> Option<u128> {
    if let Ok(whole) = number.parse::<u64>() {
        return Some(u128::from(whole) * u128::from(factor));
    }
    let product = number.parse::<f64>().ok()? * factor as f64;
    // Far below 2^128, so that nothing is cut off.
    (0.0..1e30).contains(&product).then_some(product.round() as u128)
}

fn duration(nanos: u128) -> Option<Duration> {
    let seconds = u64::try_from(nanos / u128::from(SECOND)).ok()?;
    // Less than a second, which is less than 2^32.
    Some(Duration::new(seconds, (nanos % u128::from(SECOND)) as u32))
}

/// Reads a time as whole milliseconds.
pub fn milliseconds(text: &str, bare: Bare) -> Option<u64> {
    whole(time(text, bare)?, 1_000_000)
}

/// Reads a time as whole microseconds.
pub fn microseconds(text: &str, bare: Bare) -> Option<u64> {
    whole(time(text, bare)?, 1_000)
}

/// Returns a time in units of so many nanoseconds; `None` where it is no whole number of them.
fn whole(time: Duration, unit: u128) -> Option<u64> {
    let nanos = time.as_nanos();
    nanos.is_multiple_of(unit).then(|| u64::try_from(nanos / unit).ok()).flatten()
}

/// Writes milliseconds so that [`time`] reads them: in the longest unit that gives a
/// whole number.
pub fn of_milliseconds(ms: u64) -> String {
    exact(ms, 1_000_000)
}

/// Writes microseconds so that [`time`] reads them.
pub fn of_microseconds(us: u64) -> String {
    exact(us, 1_000)
}

fn exact(count: u64, unit: u64) -> String {
    if count == 0 {
        return "0s".to_owned();
    }
    let nanos = u128::from(count) * u128::from(unit);
    let fits = |(_, factor): &&(&[&str], u64)| nanos.is_multiple_of(u128::from(*factor));
    match TIMES.iter().find(fits) {
        Some((names, factor)) => format!("{}{}", nanos / u128::from(*factor), names[0]),
        None => format!("{}us", nanos / 1_000),
    }
}

/// Reads a whole number, or one in multiples of 1024: `64k`, `1m`, `2g`.
pub fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(digits)?;
    let (_, factor) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(suffix))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> Option<u64> {
        milliseconds(text, Bare::Seconds)
    }

    #[test]
    fn every_spelling_of_a_time_is_read() {
        let cases = [
            ("0", 0),
            ("30", 30_000),
            ("0.5s", 500),
            (".5", 500),
            ("1.5h", 5_400_000),
            ("500ms", 500),
            ("500MS", 500),
            ("2000us", 2),
            ("5m", 300_000),
            ("5 min", 300_000),
            ("1d", 86_400_000),
            ("1h30m", 5_400_000),
            ("1 d 4 h", 100_800_000),
            ("1e3ms", 1_000),
        ];
        for (text, expected) in cases {
            assert_eq!(ms(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let wrong = [
            "",
            "s",
            "ms",
            "5 weeks",
            "-1s",
            "1.5.2s",
            "1h30",
            "1,5s",
            "inf",
            "nan",
            "0.5us",
            "99999999999999999999s",
            "1e30d",
            "5ms5",
            "é",
        ];
        for text in wrong {
            assert_eq!(ms(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_alone_is_seconds_or_nothing() {
        assert_eq!(microseconds("2", Bare::Seconds), Some(2_000_000));
        assert_eq!(microseconds("2", Bare::Refused), None);
        assert_eq!(microseconds("1.5ms", Bare::Refused), Some(1_500));
    }

    #[test]
    fn times_are_written_in_the_longest_whole_unit() {
        let cases = [
            (0, "0s"),
            (1, "1us"),
            (1_500, "1500us"),
            (100_000, "100ms"),
            (90_000_000, "90s"),
            (300_000_000, "5m"),
            (172_800_000_000, "2d"),
            (u64::MAX, "18446744073709551615us"),
        ];
        for (us, text) in cases {
            assert_eq!(of_microseconds(us), text);
        }
        assert_eq!(of_milliseconds(3_600_000), "1h");
    }

    #[test]
    fn sizes_are_multiples_of_1024() {
        for (text, bytes) in [("0", 0), ("64k", 65_536), ("1M", 1 << 20), ("2g", 2 << 30)] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for wrong in ["", "k", "1.5k", "-1", "5ms", "99999999999999999999", "17179869184g"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }
}
