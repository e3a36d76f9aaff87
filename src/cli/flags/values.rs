//! Values of flags: times, shares, limits.

use std::time::Duration;

use crate::model::units::{self, Bare};

/// Thirty years, beyond which no clock need be asked.
const MOST_SECONDS: u64 = 1_000_000_000;

/// Reads a time such as `500ms`, `0.5s`, `5m`, `1h30m`; a bare number is seconds.
pub fn time(text: &str) -> Result<Duration, String> {
    let read = units::time(text, Bare::Seconds).filter(|time| time.as_secs() < MOST_SECONDS);
    read.ok_or_else(|| no_time(text))
}

/// Reads a time that is more than nothing.
pub fn duration(text: &str) -> Result<Duration, String> {
    time(text).and_then(|time| if time.is_zero() { Err(no_time(text)) } else { Ok(time) })
}

fn no_time(text: &str) -> String {
    format!("'{text}' is no time such as 500ms, 2s, 5m or 1h")
}

/// A share such as `5%` or `5`.
pub fn percent(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim_end_matches('%').parse().ok();
    number
        .filter(|share| share.is_finite() && *share > 0.0)
        .ok_or_else(|| format!("'{text}' is no share such as 5%"))
}

/// A number of rows.
pub fn limit(text: &str) -> Result<usize, &'static str> {
    text.parse().map_err(|_| "it must be a whole number such as 10")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_rules_and_filters() {
        assert_eq!(time("0"), Ok(Duration::ZERO));
        assert_eq!(time("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(duration("0.5s"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "0ms", "1e9", "5 weeks", "-1s"] {
            assert_eq!(duration(wrong), Err(no_time(wrong)));
        }
    }
}
