//! Recording the kernel's answers.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;

use crate::model::gap::Gap;
use crate::model::proto::TableId;
use crate::model::want::Want;
use crate::sys::netlink::DiagSocket;

use super::netlink;
use super::reading::Sink;
use super::report::{Failure, Report, SourceError};

/// Writes the kernel's answers for the tables of `want` to a file, and
/// returns what is missing in them; the inner error is one of writing.
///
/// # Errors
/// When a table could not be read.
pub fn record(want: &Want, file: File) -> Result<io::Result<Vec<Gap>>, SourceError> {
    let fail = |table: TableId, error: io::Error| {
        let failure = Failure::new(table, format!("sock_diag: {error}"));
        Report::default().conclude(vec![failure]).map(|_| Ok(Vec::new()))
    };
    let mut gaps = Vec::new();
    let Some(first) = want.tables.first() else { return Ok(Ok(gaps)) };
    let mut socket = match DiagSocket::open() {
        Ok(socket) => socket,
        Err(error) => return fail(*first, error),
    };
    socket.copy_to(file);
    for table in &want.tables {
        let nothing: &mut Sink<'_> = &mut |_| ControlFlow::Continue(());
        match netlink::read(&mut socket, *table, want, nothing) {
            Ok(reading) => gaps.extend(reading.gaps),
            Err(error) => return fail(*table, error),
        }
    }
    Ok(socket.copy_error().map_or(Ok(gaps), Err))
}
