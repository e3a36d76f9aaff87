//! Values of flags: times, shares, limits.

use std::time::Duration;

/// A time such as `500ms`, `2s`, `5m`, `1h`; a bare number is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("'{text}' is no time such as 500ms, 2s, 5m or 1h");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| bad())?;
    let scale = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(bad()),
    };
    let seconds = Some(number * scale).filter(|s| s.is_finite() && *s > 0.0 && *s < 1e9);
    // What is less than a nanosecond is nothing as well.
    seconds.map(Duration::from_secs_f64).filter(|time| !time.is_zero()).ok_or_else(bad)
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
