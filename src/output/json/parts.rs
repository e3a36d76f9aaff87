//! Shapes that several documents share.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::address::{Address, V4Text};
use crate::model::age;
use crate::model::escape::escaped;
use crate::model::gap;
use crate::model::owner::Owners;
use crate::model::socket;
use crate::output::out::Out;
use crate::source::Report;

use super::compact;

/// An address without brackets, mark or port.
#[derive(JsonSchema)]
#[schemars(with = "String")]
pub struct Addr(pub Address);

impl Serialize for Addr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_v4() {
            Some(octets) => serializer.serialize_str(V4Text::new(octets).as_str()),
            None => serializer.collect_str(&self.0),
        }
    }
}

/// A cookie; as a number it would lose digits in many parsers.
#[derive(Clone, Copy, Debug)]
pub struct Cookie(u64);

impl Cookie {
    /// Takes a cookie; `None` where the source does not tell.
    pub fn new(cookie: u64) -> Option<Self> {
        (cookie != 0).then_some(Self(cookie))
    }
}

impl Serialize for Cookie {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = *b"0x0000000000000000";
        let mut rest = self.0;
        for place in text[2..].iter_mut().rev() {
            *place = b"0123456789abcdef"[(rest & 15) as usize];
            rest >>= 4;
        }
        let zeros = (self.0.leading_zeros() / 4).min(15) as usize;
        text[zeros] = b'0';
        text[zeros + 1] = b'x';
        serializer.serialize_str(std::str::from_utf8(&text[zeros..]).unwrap_or_default())
    }
}

/// One end of an internet socket.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Endpoint")]
pub struct EndpointJson {
    /// The address; IPv4 also where an IPv6 socket talks IPv4.
    pub addr: Addr,
    /// The port; 0 where there is none. Raw sockets: the IP protocol.
    pub port: u16,
}

impl From<crate::model::address::Endpoint> for EndpointJson {
    fn from(end: crate::model::address::Endpoint) -> Self {
        Self { addr: Addr(end.address), port: end.port }
    }
}

/// A state by its name: the kernel's, or `UNKNOWN(n)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String")]
#[schemars(rename = "State")]
pub struct StateJson(pub crate::model::state::State);

impl Serialize for StateJson {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.name() {
            Some(name) => serializer.serialize_str(name),
            None => serializer.collect_str(&self.0),
        }
    }
}

/// A process that holds a socket.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Process")]
pub struct ProcessJson {
    /// Process id.
    pub pid: u32,
    /// Command name; control characters and bytes that are no UTF-8 are
    /// written as \xNN, a backslash is doubled.
    pub comm: String,
    /// Descriptor number in that process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd: Option<u32>,
}

/// Returns every holder of an inode.
pub fn processes(inode: u32, owners: &Owners) -> Vec<ProcessJson> {
    let holder = |holder: &crate::model::owner::Holder| ProcessJson {
        pid: holder.pid,
        comm: escaped(owners.comm(holder.pid)),
        fd: Some(holder.fd),
    };
    owners.of(inode).iter().map(holder).collect()
}

/// A running timer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Timer")]
pub struct TimerJson {
    /// `retransmit`, `keepalive`, `timewait`, `probe`, `delack` or `timer(n)`.
    pub kind: String,
    /// Milliseconds until it fires.
    pub expires_ms: u32,
    /// Retransmits or unanswered probes so far.
    pub retransmits: u8,
}

impl From<socket::Timer> for TimerJson {
    fn from(timer: socket::Timer) -> Self {
        Self {
            kind: timer.kind.name(),
            expires_ms: timer.expires_ms,
            retransmits: timer.retransmits,
        }
    }
}

/// A time in milliseconds between two bounds, equal when it is exact.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Age")]
pub struct AgeJson {
    /// At least this long.
    pub min: u64,
    /// At most this long; absent where no upper bound is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}

impl From<age::Age> for AgeJson {
    fn from(age: age::Age) -> Self {
        Self { min: age.min_ms, max: age.max_ms }
    }
}

/// Something that could not be seen.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Gap")]
pub struct GapJson {
    /// The part that is missing: the name of a table, `owners`, `counters`, ….
    pub what: &'static str,
    /// The number of items that are affected, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The reason.
    pub reason: String,
    /// The remedy, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Gaps as JSON.
pub fn gaps(gaps: &[gap::Gap]) -> Vec<GapJson> {
    let one = |gap: &gap::Gap| GapJson {
        what: gap.what,
        count: gap.count,
        reason: gap.reason.clone(),
        remedy: gap.remedy.clone(),
    };
    gaps.iter().map(one).collect()
}

/// The time and the source of a document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Taken")]
pub struct TakenJson {
    /// The beginning of the look, RFC 3339 in UTC with nanoseconds.
    pub taken_at: String,
    /// `netlink`, `proc`, or `mixed`; empty tables do not matter where others
    /// are not.
    pub source: &'static str,
    /// The source that served each table.
    pub sources: BTreeMap<&'static str, &'static str>,
    /// The parts that could not be seen.
    pub gaps: Vec<GapJson>,
}

impl TakenJson {
    /// Makes it from a scan's report.
    pub fn new(at: Timestamp, report: &Report) -> Self {
        let served = report.served.iter();
        Self {
            taken_at: timestamp(at),
            source: report.source(),
            sources: served.map(|served| (served.table.name(), served.by.name())).collect(),
            gaps: gaps(&report.gaps),
        }
    }

    /// From a scan's report, with gaps that are its own and those of others.
    pub fn with_gaps(at: Timestamp, report: &Report, all: &[gap::Gap]) -> Self {
        Self { gaps: gaps(all), ..Self::new(at, report) }
    }
}

/// Writes RFC 3339 in UTC, always with nine digits of a second.
pub fn timestamp(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// Writes one whole document and a newline.
pub fn document(out: &mut Out<'_>, document: &impl Serialize) {
    value(out.buffer(), document);
    out.write(b"\n");
}

/// Appends a value; no shape here has a map key that is no string.
pub fn value(out: &mut Vec<u8>, value: &impl Serialize) {
    let done = compact::append(out, value);
    debug_assert!(done.is_ok(), "a shape that JSON cannot express");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_hexadecimal_without_leading_zeros() {
        assert!(Cookie::new(0).is_none());
        for shift in 0..64 {
            for cookie in [1 << shift, u64::MAX >> shift, 0xfedc_ba98_7654_3210 >> shift] {
                let json = serde_json::to_string(&Cookie(cookie)).expect("a string");
                assert_eq!(json, format!("\"{cookie:#x}\""));
            }
        }
    }
}
