//! Numbers as people read them, the one form for every text: durations and bytes,
//! and counts with their thousands set apart.

use std::fmt;

/// A duration in milliseconds: `812ms`, `3.2s`, `41m`, `5h20m`, `3d4h`.
///
/// One word, so that it can be a cell of a table, and as flags and filters read it
/// ([`super::units`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Milliseconds(pub u64);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0;
        let (seconds, minutes, hours) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
        match ms {
            ..1_000 => write!(f, "{ms}ms"),
            1_000..10_000 => write!(f, "{seconds}.{}s", ms % 1_000 / 100),
            10_000..120_000 => write!(f, "{seconds}s"),
            120_000..3_600_000 => write!(f, "{minutes}m"),
            3_600_000..86_400_000 => write!(f, "{hours}h{}m", minutes % 60),
            86_400_000.. => write!(f, "{}d{}h", hours / 24, hours % 24),
        }
    }
}

/// A duration in microseconds: `812us`, `3.2ms`, then as [`Milliseconds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Microseconds(pub u64);

impl fmt::Display for Microseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0;
        match us {
            ..1_000 => write!(f, "{us}us"),
            1_000..10_000 => write!(f, "{}.{}ms", us / 1_000, us % 1_000 / 100),
            10_000.. => Milliseconds(us / 1_000).fmt(f),
        }
    }
}

/// Returns the text of a duration in milliseconds, see [`Milliseconds`].
pub fn duration(ms: u64) -> String {
    Milliseconds(ms).to_string()
}

/// Returns the text of some bytes: `812 bytes`, `1.2 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{}.{} {unit}", bytes / size, bytes % size * 10 / size),
        None => plural(bytes, "byte"),
    }
}

/// Returns the text of a rate, which has a decimal where it is small: `0.5/s`, `1,200/s`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        small if small > 0.0 && small < 10.0 => format!("{small:.1}/s"),
        rate => format!("{}/s", count(rate.round().max(0.0) as u64)),
    }
}

/// Returns a count with a comma between thousands: `131,072`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns a count with what it counts: `1 socket`, `2 sockets`.
pub fn plural(n: u64, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_two_digits_or_so() {
        let cases = [
            (0, "0ms"),
            (999, "999ms"),
            (3_249, "3.2s"),
            (10_500, "10s"),
            (119_999, "119s"),
            (120_000, "2m"),
            (2_460_000, "41m"),
            (3_600_000, "1h0m"),
            (90_000_000, "1d1h"),
        ];
        for (ms, text) in cases {
            assert_eq!(duration(ms), text);
        }
        for (us, text) in [(812, "812us"), (3_249, "3.2ms"), (3_249_000, "3.2s")] {
            assert_eq!(Microseconds(us).to_string(), text);
        }
    }

    #[test]
    fn bytes_and_rates_have_a_decimal_where_it_counts() {
        for (n, text) in [(1, "1 byte"), (1_023, "1,023 bytes"), (1_300_000, "1.2 MiB")] {
            assert_eq!(bytes(n), text);
        }
        for (n, text) in [(0.0, "0/s"), (0.51, "0.5/s"), (1_200.4, "1,200/s"), (-1.0, "0/s")] {
            assert_eq!(rate(n), text);
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (131_072, "131,072")];
        for (n, text) in cases {
            assert_eq!(count(n), text);
        }
        assert_eq!(plural(1, "socket"), "1 socket");
        assert_eq!(plural(1284, "socket"), "1,284 sockets");
    }
}
