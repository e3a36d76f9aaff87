//! Reports of scans: who served which table, what is missing.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use crate::model::escape::harmless;
use crate::model::gap::Gap;
use crate::model::proto::TableId;

use super::reading::Reading;

/// The source that served a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// sock_diag over netlink.
    Netlink,
    /// A file in `/proc/net`.
    Proc,
    /// A recorded dump.
    File,
}

impl Served {
    /// Returns the word in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Netlink => "netlink",
            Self::Proc => "proc",
            Self::File => "file",
        }
    }
}

/// One table that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedTable {
    /// The table.
    pub table: TableId,
    /// The source that served it.
    pub by: Served,
    /// The number of rows that it gave.
    pub rows: u64,
    /// Tells whether these are all rows of the table.
    pub whole: bool,
}

/// The result of a scan.
#[derive(Debug, Default)]
pub struct Report {
    /// Every table that could be read.
    pub served: Vec<ServedTable>,
    /// The part that is missing.
    pub gaps: Vec<Gap>,
    /// Tells whether the sink stopped the scan.
    pub stopped: bool,
    /// Tells whether a recorded dump was damaged, so that rows are missing.
    pub damaged: bool,
}

/// Nothing of what was wanted could be read.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct SourceError {
    reason: String,
}

impl SourceError {
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(&format!("cannot read {}: {error}", path.display()))
    }

    fn new(reason: &str) -> Self {
        Self { reason: harmless(reason).into_owned() }
    }
}

/// One table that could not be read.
#[derive(Debug)]
pub(super) struct Failure {
    table: TableId,
    reason: String,
}

impl Failure {
    pub(super) fn new(table: TableId, reason: String) -> Self {
        Self { table, reason }
    }
}

impl AsRef<Self> for Report {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Report {
    /// Returns one word for the whole scan: `netlink`, `proc`, or `mixed`. Tables that
    /// are empty do not matter where others are not.
    pub fn source(&self) -> &'static str {
        let (first, others) = self.split();
        match (first, others.is_empty()) {
            (None, _) => "none",
            (Some(first), true) => first.name(),
            (Some(_), false) => "mixed",
        }
    }

    /// Returns the scan's source for people: `netlink`, or with what differs,
    /// `netlink, raw by proc`.
    pub fn source_text(&self) -> String {
        let (first, others) = self.split();
        let mut text = first.map_or("nothing", Served::name).to_owned();
        for other in others {
            text += &format!(", {} by {}", other.table.name(), other.by.name());
        }
        text
    }

    /// Returns who served the first table with rows, or the first of all where none
    /// has any; and the tables with rows that somebody else served.
    fn split(&self) -> (Option<Served>, Vec<ServedTable>) {
        let has_rows = |served: &&ServedTable| served.rows > 0;
        let first = self.served.iter().find(has_rows).or(self.served.first());
        let first = first.map(|served| served.by);
        let other = |served: &&ServedTable| has_rows(served) && Some(served.by) != first;
        (first, self.served.iter().filter(other).copied().collect())
    }

    /// Joins the report of another scan of the same answer.
    pub fn merge(&mut self, other: Self) {
        for served in other.served {
            if !self.served.iter().any(|s| (s.table, s.by) == (served.table, served.by)) {
                self.served.push(served);
            }
        }
        for gap in other.gaps {
            if !self.gaps.contains(&gap) {
                self.gaps.push(gap);
            }
        }
        self.stopped |= other.stopped;
    }

    pub(super) fn note(&mut self, table: TableId, by: Served, rows: u64, whole: bool) {
        self.served.push(ServedTable { table, by, rows, whole });
    }

    pub(super) fn add(&mut self, table: TableId, by: Served, reading: Reading) -> ControlFlow<()> {
        let whole = reading.gaps.is_empty() && !reading.stopped;
        self.note(table, by, reading.rows, whole);
        self.gaps.extend(reading.gaps);
        self.stopped |= reading.stopped;
        if reading.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    pub(super) fn conclude(mut self, failures: Vec<Failure>) -> Result<Self, SourceError> {
        if self.served.is_empty() && !failures.is_empty() {
            let reason = format!("no socket table could be read: {}", joined(&failures));
            return Err(SourceError::new(&reason));
        }
        for failure in failures {
            // What both families of a protocol lack is said once.
            let gap = Gap::new(failure.table.proto.name(), failure.reason);
            if !self.gaps.contains(&gap) {
                self.gaps.push(gap);
            }
        }
        Ok(self)
    }
}

/// Joins failures to one text; tables that failed for one reason are named
/// together.
fn joined(failures: &[Failure]) -> String {
    let mut parts: Vec<(Vec<&str>, &str)> = Vec::new();
    for failure in failures {
        match parts.iter_mut().find(|(_, reason)| *reason == failure.reason) {
            Some((names, _)) if names.contains(&failure.table.proto.name()) => {}
            Some((names, _)) => names.push(failure.table.proto.name()),
            None => parts.push((vec![failure.table.proto.name()], &failure.reason)),
        }
    }
    let texts: Vec<String> =
        parts.iter().map(|(names, reason)| format!("{}: {reason}", names.join(", "))).collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> TableId {
        TableId::ALL.into_iter().find(|table| table.name() == name).expect("a table's name")
    }

    fn report(served: &[(&str, Served, u64)]) -> Report {
        let table = |&(name, by, rows): &(&str, Served, u64)| ServedTable {
            table: table(name),
            by,
            rows,
            whole: true,
        };
        Report { served: served.iter().map(table).collect(), ..Report::default() }
    }

    #[test]
    fn an_empty_table_does_not_make_the_source_mixed() {
        use Served::{Netlink, Proc};
        let plain = report(&[("tcp", Netlink, 5), ("raw", Proc, 0)]);
        assert_eq!((plain.source(), plain.source_text().as_str()), ("netlink", "netlink"));
        let mixed = report(&[("tcp", Netlink, 5), ("raw", Proc, 1)]);
        assert_eq!(mixed.source(), "mixed");
        assert_eq!(mixed.source_text(), "netlink, raw by proc");
        assert_eq!(report(&[("tcp", Proc, 0)]).source(), "proc");
        let empty = report(&[("tcp", Netlink, 0), ("raw", Proc, 0)]);
        assert_eq!(empty.source_text(), "netlink");
    }

    #[test]
    fn with_no_table_left_every_reason_is_named_once() {
        let failed = |name| Failure::new(table(name), "no sock_diag".to_owned());
        let error = Report::default().conclude(vec![failed("tcp"), failed("tcp6")]).err();
        let text = error.map(|e| e.to_string()).unwrap_or_default();
        assert_eq!(text, "no socket table could be read: tcp: no sock_diag");
    }

    #[test]
    fn a_table_that_failed_beside_others_is_a_gap() {
        let one = report(&[("tcp", Served::Netlink, 1)]);
        let failed = Failure::new(table("unix"), "no unix_diag".to_owned());
        let gaps = one.conclude(vec![failed]).expect("one table was read").gaps;
        assert_eq!(gaps, [Gap::new("unix", "no unix_diag")]);
    }
}
