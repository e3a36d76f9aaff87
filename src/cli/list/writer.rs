//! The writers of the rows of `list`: text, chosen columns, CSV or JSON.

use jiff::Timestamp;

use crate::cli::context::Context;
use crate::model::row::Row;
use crate::output::columns::{Columns, Csv};
use crate::output::out::Out;
use crate::output::style::Style;
use crate::output::{json, text};
use crate::query::Lookups;
use crate::source::Report;
use crate::sys::names::Names;

use super::plan::ListPlan;

/// The settings of a [`Writer`].
pub struct WriterSettings {
    /// `--json`.
    pub json: bool,
    /// True where there is a head line.
    pub header: bool,
    /// Names for numbers.
    pub names: Names,
}

impl WriterSettings {
    /// Reads them off the shared flags.
    pub fn new(context: &Context<'_>) -> Self {
        Self { json: context.shared.json, header: context.header(), names: context.names() }
    }
}

/// The writer of rows, by format.
pub enum Writer<'o, 'w> {
    /// The usual columns.
    Text(text::SocketsText<'o, 'w>),
    /// `--columns`.
    Columns(Columns<'o, 'w>),
    /// `--csv`.
    Csv(Csv<'o, 'w>),
    /// `--json`.
    Json(json::SocketsJson<'o, 'w>),
}

impl<'o, 'w> Writer<'o, 'w> {
    /// Makes the writer that the plan asks for.
    pub fn new(
        out: &'o mut Out<'w>,
        style: &'o Style,
        plan: &ListPlan,
        settings: WriterSettings,
    ) -> Self {
        let WriterSettings { json, header, names } = settings;
        if json {
            Self::Json(json::SocketsJson::new(out, plan.details))
        } else if plan.csv {
            Self::Csv(Csv::new(out, &plan.columns, header).names(names))
        } else if !plan.columns.is_empty() {
            Self::Columns(Columns::new(out, style, &plan.columns, header, names))
        } else {
            Self::Text(text::SocketsText::new(out, style, plan.layout.clone(), header, names))
        }
    }

    /// Writes one row.
    pub fn row(&mut self, row: &Row<'_>, lookups: &Lookups) {
        match self {
            Self::Text(rows) => rows.row(row, lookups),
            Self::Columns(rows) => rows.row(row, lookups),
            Self::Csv(rows) => rows.row(row, lookups),
            Self::Json(rows) => rows.row(row, lookups),
        }
    }

    /// Tells whether writing has failed, so that more rows are in vain.
    pub fn failed(&self) -> bool {
        match self {
            Self::Text(rows) => rows.failed(),
            Self::Columns(rows) => rows.failed(),
            Self::Csv(rows) => rows.failed(),
            Self::Json(rows) => rows.failed(),
        }
    }

    /// Writes what is still held back.
    pub fn finish(self, at: Timestamp, report: &Report, changes: Option<json::Changes>) {
        match self {
            Self::Text(rows) => rows.finish(),
            Self::Columns(rows) => rows.finish(),
            Self::Csv(_) => {}
            Self::Json(rows) => rows.finish(at, report, changes),
        }
    }
}
