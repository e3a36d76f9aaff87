//! Records of a perf ring buffer: `struct perf_event_header` and what follows.
//!
//! Works on bytes already copied out of the ring, so a record is never
//! wrapped. Layouts: `include/uapi/linux/perf_event.h`, written by
//! `perf_output_sample` and `perf_log_lost`.

use super::netlink::{bytes_at, u16_at, u32_at};

/// The parts of each sample, the `sample_type` to ask for: time and raw data.
///
/// Not `PERF_SAMPLE_CPU`, because every CPU has its own ring; and not
/// `PERF_SAMPLE_TID`, because a tracepoint of TCP runs in whatever process the
/// packet happened to interrupt, so it would name the wrong one.
pub const SAMPLE_TYPE: u64 = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW;

const PERF_SAMPLE_TIME: u64 = 1 << 2;
const PERF_SAMPLE_RAW: u64 = 1 << 10;

/// `struct perf_event_header`: u32 type, u16 misc, u16 size.
const HEADER_LEN: usize = 8;
const PERF_RECORD_LOST: u32 = 2;
const PERF_RECORD_SAMPLE: u32 = 9;
const PERF_RECORD_LOST_SAMPLES: u32 = 13;

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingRecord<'a> {
    /// One event.
    Sample {
        /// Its time by the clock asked for.
        at_ns: u64,
        /// The tracepoint's own data, padded at its end.
        raw: &'a [u8],
    },
    /// The ring was full; written before the next record that found room.
    Lost {
        /// Events that were not recorded.
        count: u64,
    },
    /// A record of another type, or one too short for its type.
    Other(u32),
}

/// Iterator over the records in a slice.
#[derive(Clone, Debug)]
pub struct RingRecords<'a> {
    rest: &'a [u8],
}

impl<'a> RingRecords<'a> {
    /// Records of `bytes`, which begin with a record's header.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns what is left: empty after the last record, unless a length could not be
    /// true.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for RingRecords<'a> {
    type Item = RingRecord<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let kind = u32_at(self.rest, 0)?;
        let size = usize::from(u16_at(self.rest, 6)?);
        let body = self.rest.get(HEADER_LEN..size)?;
        self.rest = &self.rest[size..];
        Some(record(kind, body).unwrap_or(RingRecord::Other(kind)))
    }
}

#[inline]
fn record(kind: u32, body: &[u8]) -> Option<RingRecord<'_>> {
    match kind {
        PERF_RECORD_SAMPLE => {
            let at_ns = u64_at(body, 0)?;
            let len = u32_at(body, 8)? as usize;
            let raw = body.get(12..)?.get(..len)?;
            Some(RingRecord::Sample { at_ns, raw })
        }
        // u64 id of the event that noticed, u64 number of lost records.
        PERF_RECORD_LOST => Some(RingRecord::Lost { count: u64_at(body, 8)? }),
        PERF_RECORD_LOST_SAMPLES => Some(RingRecord::Lost { count: u64_at(body, 0)? }),
        _ => None,
    }
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes_at(bytes, offset).map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record_of(kind: u32, body: &[u8]) -> Vec<u8> {
        let size = (HEADER_LEN + body.len()) as u16;
        [&kind.to_ne_bytes()[..], &[0, 0], &size.to_ne_bytes(), body].concat()
    }

    fn sample(at_ns: u64, raw: &[u8]) -> Vec<u8> {
        let len = raw.len() as u32;
        record_of(9, &[&at_ns.to_ne_bytes()[..], &len.to_ne_bytes(), raw].concat())
    }

    #[test]
    fn samples_and_losses_are_told_apart() {
        let lost = [7u64.to_ne_bytes(), 3u64.to_ne_bytes(), 99u64.to_ne_bytes()].concat();
        let bytes = [
            sample(5, b"abcd"),
            record_of(2, &lost),
            record_of(13, &4u64.to_ne_bytes()),
            record_of(77, b"12345678"),
            record_of(9, b"short"),
            sample(6, b""),
        ]
        .concat();
        let mut records = RingRecords::new(&bytes);
        let all: Vec<_> = records.by_ref().collect();
        assert_eq!(
            all,
            [
                RingRecord::Sample { at_ns: 5, raw: b"abcd" },
                RingRecord::Lost { count: 3 },
                RingRecord::Lost { count: 4 },
                RingRecord::Other(77),
                RingRecord::Other(9),
                RingRecord::Sample { at_ns: 6, raw: b"" },
            ]
        );
        assert!(records.rest().is_empty());
    }

    #[test]
    fn an_impossible_length_ends_the_walk_and_stays_visible() {
        for size in [0u16, 7, 4000] {
            let mut bytes = [sample(5, b"abcd"), sample(6, b"efgh")].concat();
            let second = bytes.len() / 2;
            bytes[second + 6..second + 8].copy_from_slice(&size.to_ne_bytes());
            let mut records = RingRecords::new(&bytes);
            assert_eq!(records.by_ref().count(), 1, "size {size}");
            assert_eq!(records.rest().len(), second);
        }
    }

    #[test]
    fn raw_data_longer_than_its_record_is_no_sample() {
        let mut bytes = sample(5, b"abcd");
        bytes[16..20].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(RingRecords::new(&bytes).next(), Some(RingRecord::Other(9)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = RingRecords::new(&bytes).count();
        }
    }
}
