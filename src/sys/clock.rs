//! The only place that reads a clock.

use jiff::Timestamp;

/// The wall clock, for the time a snapshot was taken.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The wall clock of this machine's time zone as `HH:MM:SS`.
pub fn local_time_of_day(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string()
}
