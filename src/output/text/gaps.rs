//! The footer that says what could not be seen.

use crate::model::gap::Gap;

/// Returns one line a gap: `owners: 212 of 340 sockets have no visible owner (run as …)`.
pub fn gaps(gaps: &[Gap]) -> String {
    gaps.iter().map(line).collect()
}

fn line(gap: &Gap) -> String {
    let count = match gap.count {
        // Many a reason already begins with its numbers.
        Some(count) if !gap.reason.starts_with(|c: char| c.is_ascii_digit()) => format!("{count} "),
        _ => String::new(),
    };
    let remedy = gap.remedy.as_ref().map(|remedy| format!(" ({remedy})")).unwrap_or_default();
    format!("{}: {count}{}{remedy}\n", gap.what, gap.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_one_line_with_its_count_and_remedy() {
        let list = [
            Gap::new("owners", "2 of 3 sockets have no visible owner")
                .count(2)
                .remedy("run as root"),
            Gap::new("tcp", "lines of /proc/net/tcp could not be read").count(4),
            Gap::new("udp", "the table is missing"),
        ];
        assert_eq!(
            gaps(&list),
            "owners: 2 of 3 sockets have no visible owner (run as root)\n\
             tcp: 4 lines of /proc/net/tcp could not be read\n\
             udp: the table is missing\n"
        );
    }
}
