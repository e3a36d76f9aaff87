//! Gaps of a trace.

use crate::model::gap::Gap;
use crate::model::human;

/// The reason why events of a CPU are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// Its ring was full.
    RingFull {
        /// The number of events that found no room.
        lost: u64,
    },
    /// It came online, or its events had stopped and were started again.
    Started,
    /// It went offline; its last events may be missing.
    Offline,
    /// It came online and could not be traced.
    Untraced,
    /// Its ring held bytes that are no record.
    Malformed,
}

/// A time in which events of one CPU are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceGap {
    /// The CPU.
    pub cpu: u32,
    /// Not before this monotonic time.
    pub from_ns: u64,
    /// Not after this monotonic time.
    pub to_ns: u64,
    /// The reason.
    pub cause: GapCause,
}

impl TraceGap {
    /// Returns it as the part of an answer that says what is missing.
    pub fn to_gap(self) -> Gap {
        let cpu = self.cpu;
        let gap = |reason: String| Gap::new("events", reason);
        match self.cause {
            GapCause::RingFull { lost } => {
                let events = human::plural(lost, "event");
                gap(format!("{events} lost: the event ring of CPU {cpu} was full"))
                    .count(lost)
                    .remedy("trace fewer sockets: filter by port")
            }
            GapCause::Started => {
                gap(format!("CPU {cpu} came online and its first events are missing"))
            }
            GapCause::Offline => {
                gap(format!("CPU {cpu} went offline and its last events may be missing"))
            }
            GapCause::Untraced => gap(format!("CPU {cpu} came online and cannot be traced")),
            GapCause::Malformed => {
                gap(format!("the event ring of CPU {cpu} held bytes that are no event"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_is_a_gap_with_a_number() {
        let cause = GapCause::RingFull { lost: 12 };
        let gap = TraceGap { cpu: 3, from_ns: 1, to_ns: 2, cause }.to_gap();
        assert_eq!((gap.what, gap.count), ("events", Some(12)));
        assert_eq!(gap.reason, "12 events lost: the event ring of CPU 3 was full");
    }
}
