//! The lines of `events --json`, a second time: written down by hand from the contract.

use anyhow::{Context, ensure};
use jiff::Timestamp;
use serde::Deserialize;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::kit::Result;

/// RFC 3339, as text.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
pub struct Time(Timestamp);

impl TryFrom<String> for Time {
    type Error = jiff::Error;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl Time {
    pub fn now() -> Self {
        Self(Timestamp::now())
    }

    /// Whether it can be the time of something that a test has seen.
    fn is_recent(self) -> bool {
        Self::now().ms_since(self).abs() < 3_600_000.0
    }

    /// Milliseconds from `earlier` to this.
    pub fn ms_since(self, earlier: Self) -> f64 {
        self.0.duration_since(earlier.0).as_micros() as f64 / 1_000.0
    }
}

/// One line.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Line {
    Transition(Box<Transition>),
    Gap(Gap),
    Summary(Summary),
}

impl Line {
    /// Reads a line and checks what must hold for every one of its kind.
    pub fn read(text: &str) -> Result<Line> {
        let line: Line = serde_json::from_str(text).with_context(|| text.to_owned())?;
        let (schema, at, is_sound) = match &line {
            Line::Transition(change) => (&change.schema, change.at, change.is_of_a_table()),
            Line::Gap(gap) => (&gap.schema, gap.at, true),
            Line::Summary(summary) => {
                (&summary.schema, summary.at, summary.transitions.iter().all(Cell::is_sound))
            }
        };
        ensure!(schema == "sockstate.event/1" && at.is_recent() && is_sound, "{text}");
        Ok(line)
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    pub schema: String,
    pub at: Time,
    pub at_min: Option<Time>,
    pub at_max: Option<Time>,
    pub change: Change,
    pub from: Option<String>,
    pub to: String,
    pub via: Vec<String>,
    pub source: Source,
    pub exact: bool,
    pub reason: Option<String>,
    pub dwell_ms: Option<f64>,
    pub dwell_min_ms: Option<f64>,
    pub dwell_max_ms: Option<f64>,
    pub proto: String,
    pub family: String,
    pub local: Option<Endpoint>,
    pub remote: Option<Endpoint>,
    pub cookie: Option<String>,
    pub netns: Option<String>,
    pub processes: Option<Vec<Process>>,
    #[serde(default)]
    pub former: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Opened,
    Changed,
    Ended,
    Passed,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Tracepoint,
    Destroy,
    Poll,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    pub addr: IpAddr,
    pub port: u16,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    pub pid: u32,
    pub comm: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    pub schema: String,
    pub at: Time,
    pub what: String,
    pub count: Option<u64>,
    pub reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    pub schema: String,
    pub at: Time,
    pub transitions: Vec<Cell>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    pub from: Option<String>,
    pub to: String,
    pub count: u64,
    pub exact: u64,
    pub dwell_p50_ms: Option<f64>,
    pub dwell_p90_ms: Option<f64>,
    pub dwell_p99_ms: Option<f64>,
}

/// In one line, for the message of a failed test.
impl fmt::Debug for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = self.at_min.map(|min| format!(" within {} ms", self.at.ms_since(min)));
        write!(
            f,
            "{} {:?} {} via {:?} {:?}",
            self.at.0,
            self.change,
            self.step(),
            self.via,
            self.source
        )?;
        write!(f, " exact {} {:?}{}", self.exact, self.reason, bounds.unwrap_or_default())?;
        let dwell = (self.dwell_ms, self.dwell_min_ms, self.dwell_max_ms);
        write!(f, " {:?} → {:?} {dwell:?} {:?}", self.local(), self.remote(), self.cookie)?;
        write!(f, " {:?} {} {:?}", self.processes, self.former, self.netns)
    }
}

impl Cell {
    /// Whether no more are exact than there are, and the percentiles rise.
    fn is_sound(&self) -> bool {
        let dwell = [self.dwell_p50_ms, self.dwell_p90_ms, self.dwell_p99_ms];
        self.exact <= self.count && dwell.is_sorted()
    }
}

impl Transition {
    /// Whether it is of a table of internet sockets.
    fn is_of_a_table(&self) -> bool {
        ["inet", "inet6"].contains(&self.family.as_str()) && !self.proto.is_empty()
    }

    pub fn local(&self) -> Option<SocketAddr> {
        self.local.map(|end| SocketAddr::new(end.addr, end.port))
    }

    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote.map(|end| SocketAddr::new(end.addr, end.port))
    }

    /// Whether either end has the port.
    pub fn has_port(&self, port: u16) -> bool {
        [self.local, self.remote].into_iter().flatten().any(|end| end.port == port)
    }

    /// `FROM→TO`, `?` where nobody knows.
    pub fn step(&self) -> String {
        format!("{}→{}", self.from.as_deref().unwrap_or("?"), self.to)
    }

    /// Whether it can have happened between the two times, as it is told.
    pub fn allows(&self, earliest: Time, latest: Time) -> bool {
        let (min, max) = (self.at_min.unwrap_or(self.at), self.at_max.unwrap_or(self.at));
        min <= latest && earliest <= max
    }
}
