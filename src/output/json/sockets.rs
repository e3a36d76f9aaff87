//! `list --json`: one document, its rows written as they come.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::row::Row;
use crate::output::out::Out;
use crate::query::Lookups;
use crate::source::Report;

use super::parts::{TakenJson, value};
use super::socket::{DetailsJson, SocketJson, socket};

pub(super) const SCHEMA: &str = "sockstate.sockets/1";

/// The document of `list --json`.
#[derive(Serialize, JsonSchema)]
pub struct SocketsDocument<'a> {
    /// The name of this shape.
    pub schema: &'static str,
    /// The rows, in the kernel's order unless sorted.
    pub sockets: Vec<SocketJson<'a>>,
    /// The changes since the round before; with `--interval` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// The time and the source.
    #[serde(flatten)]
    pub taken: TakenJson,
}

/// The changes since the round before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Changes {
    /// Sockets that were not there before.
    pub opened: u64,
    /// Sockets that are not there any more.
    pub closed: u64,
    /// Sockets now.
    pub total: u64,
}

impl Changes {
    /// Returns `14 sockets  +12 -3`.
    pub fn text(self) -> String {
        let total = crate::model::human::plural(self.total, "socket");
        format!("{total}  +{} -{}", self.opened, self.closed)
    }
}

/// The members behind the rows.
#[derive(Serialize)]
struct Tail {
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Changes>,
    #[serde(flatten)]
    taken: TakenJson,
}

/// Writes the document row by row.
pub struct SocketsJson<'o, 'w> {
    out: &'o mut Out<'w>,
    details: DetailsJson,
    first: bool,
}

impl<'o, 'w> SocketsJson<'o, 'w> {
    /// Begins the document.
    pub fn new(out: &'o mut Out<'w>, details: DetailsJson) -> Self {
        out.write(format!("{{\"schema\":\"{SCHEMA}\",\"sockets\":[").as_bytes());
        Self { out, details, first: true }
    }

    /// Writes one row.
    pub fn row(&mut self, row: &Row<'_>, lookups: &Lookups) {
        let separator: &[u8] = if std::mem::take(&mut self.first) { b"\n" } else { b",\n" };
        let buffer = self.out.buffer();
        buffer.extend_from_slice(separator);
        value(buffer, &socket(row, lookups, self.details));
        self.out.advance();
    }

    /// Tells whether writing has failed, so that more rows are in vain.
    pub fn failed(&self) -> bool {
        self.out.failed()
    }

    /// Ends the document with what is known only now.
    pub fn finish(self, at: Timestamp, report: &Report, changes: Option<Changes>) {
        let mut taken = Vec::new();
        value(&mut taken, &Tail { changes, taken: TakenJson::new(at, report) });
        self.out.write(b"],\n");
        // The object's members without its opening brace.
        self.out.write(taken.get(1..).unwrap_or_default());
        self.out.write(b"\n");
    }
}
