//! The time zone of the local times that are shown: `TZ`, else `/etc/localtime`.
//!
//! Read here and not by a library, for `TZ` may name any file: it is opened as
//! every file that a user names, and a zone is small.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::tz::TimeZone;

use super::{files, rights};

/// Far more than any zone has.
const MOST: u64 = 64 << 10;

/// The directories of zones, as tzset(3) looks for them.
const DIRECTORIES: [&str; 2] = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo"];

/// Returns the zone, read once. What makes no sense is UTC, as for the C library.
pub fn local() -> TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(|| {
        let variable = |name| std::env::var(name).ok();
        let directory = variable("TZDIR").filter(|_| !rights::are_lent());
        find(variable("TZ").as_deref(), directory.as_deref()).unwrap_or(TimeZone::UTC)
    })
    .clone()
}

fn find(name: Option<&str>, directory: Option<&str>) -> Option<TimeZone> {
    let Some(name) = name else { return zone_file(Path::new("/etc/localtime")) };
    let name = name.strip_prefix(':').unwrap_or(name);
    if name.starts_with('/') {
        return zone_file(Path::new(name));
    }
    let of_directory = |directory: &str| zone_file(&PathBuf::from(directory).join(name));
    let is_name = !name.is_empty() && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let mut directories = directory.into_iter().chain(DIRECTORIES);
    let named = is_name.then(|| directories.find_map(of_directory)).flatten();
    named.or_else(|| TimeZone::posix(name).ok())
}

fn zone_file(path: &Path) -> Option<TimeZone> {
    let bytes = files::read(path, MOST).ok()?;
    TimeZone::tzif("local", &bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn hour(name: &str) -> Option<i8> {
        Some(Timestamp::UNIX_EPOCH.to_zoned(find(Some(name), None)?).hour())
    }

    #[test]
    fn a_zone_is_a_name_a_file_or_a_rule() {
        assert_eq!(hour("UTC0"), Some(0));
        assert_eq!(hour("IST-5:30"), Some(5));
        assert_eq!(hour(":EXT3"), Some(21));
        if Path::new("/usr/share/zoneinfo/Asia/Tokyo").exists() {
            assert_eq!(hour("Asia/Tokyo"), Some(9));
            assert_eq!(hour(":/usr/share/zoneinfo/Asia/Tokyo"), Some(9));
        }
    }

    /// One that a gigabyte was read of before.
    #[test]
    fn a_zone_that_is_no_file_of_one_is_none() {
        for name in ["/dev/zero", "../../../dev/zero", "/proc/self/mem", "/etc/passwd", "", "/"] {
            assert_eq!(hour(name), None, "{name}");
        }
    }
}
