//! What a scan came to: who served which table, what is missing.

use std::ops::ControlFlow;

use crate::model::gap::Gap;
use crate::model::want::TableId;

use super::Reading;

/// Which source served a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// sock_diag over netlink.
    Netlink,
    /// A file in `/proc/net`.
    Proc,
}

impl Served {
    /// The word in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Netlink => "netlink",
            Self::Proc => "proc",
        }
    }
}

/// What a scan came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Who served each table that could be read.
    pub served: Vec<(TableId, Served)>,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// Whether the sink stopped the scan.
    pub stopped: bool,
}

/// Not one of the wanted tables could be read.
#[derive(Debug, thiserror::Error)]
#[error("no socket table could be read: {reason}")]
pub struct SourceError {
    reason: String,
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

impl Report {
    /// One word for the whole scan: `netlink`, `proc`, or `mixed`.
    pub fn source(&self) -> &'static str {
        let mut names = self.served.iter().map(|(_, served)| served.name());
        match names.next() {
            None => "none",
            Some(first) if names.all(|name| name == first) => first,
            Some(_) => "mixed",
        }
    }

    /// The scan's source for people: `netlink`, or with what differs,
    /// `netlink (raw by proc)`.
    pub fn source_text(&self) -> String {
        let Some((_, first)) = self.served.first() else { return self.source().to_owned() };
        let others: Vec<&str> = self
            .served
            .iter()
            .filter(|(_, by)| by != first)
            .map(|(table, _)| table.name())
            .collect();
        match self.served.iter().find(|(_, by)| by != first) {
            None => first.name().to_owned(),
            Some((_, by)) => format!("{} ({} by {})", first.name(), others.join(", "), by.name()),
        }
    }

    /// Joins the report of another scan of the same answer.
    pub fn merge(&mut self, other: Self) {
        for entry in other.served {
            if !self.served.contains(&entry) {
                self.served.push(entry);
            }
        }
        for gap in other.gaps {
            if !self.gaps.contains(&gap) {
                self.gaps.push(gap);
            }
        }
        self.stopped |= other.stopped;
    }

    pub(super) fn add(&mut self, table: TableId, by: Served, reading: Reading) -> ControlFlow<()> {
        self.served.push((table, by));
        self.gaps.extend(reading.gaps);
        self.stopped |= reading.stopped;
        if reading.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    pub(super) fn conclude(mut self, failures: Vec<Failure>) -> Result<Self, SourceError> {
        if self.served.is_empty() && !failures.is_empty() {
            return Err(SourceError { reason: joined(&failures) });
        }
        self.gaps.extend(failures.into_iter().map(|f| Gap::new(f.table.name(), f.reason)));
        Ok(self)
    }
}

/// Tables that failed for one reason are named together.
fn joined(failures: &[Failure]) -> String {
    let mut parts: Vec<(Vec<&str>, &str)> = Vec::new();
    for failure in failures {
        match parts.iter_mut().find(|(_, reason)| *reason == failure.reason) {
            Some((names, _)) => names.push(failure.table.name()),
            None => parts.push((vec![failure.table.name()], &failure.reason)),
        }
    }
    let texts: Vec<String> =
        parts.iter().map(|(names, reason)| format!("{}: {reason}", names.join(", "))).collect();
    texts.join("; ")
}
