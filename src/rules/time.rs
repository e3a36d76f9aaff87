//! Times as rules.toml has them.

/// Writes a time in the largest unit that leaves it whole: `60s` is `1m`.
pub fn time_text(ms: u64) -> String {
    match ms {
        0 => "0s".to_owned(),
        ms if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        ms if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        ms if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// Reads what [`time_text`] writes; a number alone is seconds.
pub fn parse_time(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let factor = match unit.trim() {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (ms, text) in
            [(0, "0s"), (500, "500ms"), (1_000, "1s"), (90_000, "90s"), (60_000, "1m")]
        {
            assert_eq!(time_text(ms), text);
            assert_eq!(parse_time(text), Some(ms));
        }
        assert_eq!(parse_time("5m"), Some(300_000));
        assert_eq!(parse_time("30"), Some(30_000));
        for wrong in ["", "s", "5 weeks", "-1s", "1.5s", "99999999999999999999s"] {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }
}
