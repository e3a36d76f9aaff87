//! Numbers as people read them: durations, and counts with their thousands
//! set apart.

/// A duration in milliseconds: `812 ms`, `3.2 s`, `41 min`, `5 h 20 min`, `3 d 4 h`.
pub fn duration(ms: u64) -> String {
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match ms {
        ms if ms < SECOND => format!("{ms} ms"),
        ms if ms < 10 * SECOND => format!("{}.{} s", ms / SECOND, ms % SECOND / 100),
        ms if ms < 2 * MINUTE => format!("{} s", ms / SECOND),
        ms if ms < HOUR => format!("{} min", ms / MINUTE),
        ms if ms < DAY => format!("{} h {} min", ms / HOUR, ms % HOUR / MINUTE),
        _ => format!("{} d {} h", ms / DAY, ms % DAY / HOUR),
    }
}

/// A count with a comma between thousands: `131,072`.
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

/// `1 socket`, `2 sockets`.
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
            (0, "0 ms"),
            (999, "999 ms"),
            (3_249, "3.2 s"),
            (10_500, "10 s"),
            (119_999, "119 s"),
            (120_000, "2 min"),
            (2_460_000, "41 min"),
            (3_600_000, "1 h 0 min"),
            (90_000_000, "1 d 1 h"),
        ];
        for (ms, text) in cases {
            assert_eq!(duration(ms), text);
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
