//! Rows of a recorded dump.

use std::path::Path;

use crate::kernel::dump_file::{DumpEntry, Entries};
use crate::kernel::inet_diag::InetMessage;
use crate::model::facts::Facts;
use crate::model::gap::Gap;
use crate::model::proto::{Proto, TableId};
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::want::Want;
use crate::sys::files;

use super::reading::{Reading, Sink};
use super::report::{Report, Served, SourceError};

/// Hands the rows of the dump at `path` to `sink`, those of the tables and
/// states that are wanted. A dump does not tell its protocol for every row:
/// rows that do not are TCP, as in `ss`, unless only one other table is wanted.
///
/// What is damaged ends the reading and is a gap that names the offset.
///
/// # Errors
/// When the file cannot be read at all.
pub fn scan(path: &Path, want: &Want, sink: &mut Sink<'_>) -> Result<Report, SourceError> {
    let bytes =
        files::read(path, files::DUMP).map_err(|error| SourceError::unreadable(path, &error))?;
    let mut reading = Reading::default();
    let mut report = Report::default();
    let assumed = assumed_proto(want);
    let mut others = 0;
    for entry in Entries::new(&bytes) {
        match entry {
            DumpEntry::Row(message, protocol) => {
                let row = row(message, protocol.and_then(proto_of).unwrap_or(assumed));
                if !wanted(&row, want) {
                    continue;
                }
                reading.rows += 1;
                if sink(&row).is_break() {
                    report.stopped = true;
                    break;
                }
            }
            DumpEntry::Refused(errno) => {
                let error = std::io::Error::from_raw_os_error(errno);
                report.gaps.push(Gap::new("dump", format!("the recorded dump broke off: {error}")));
            }
            DumpEntry::Other => others += 1,
            DumpEntry::End => {}
            DumpEntry::Damage(offset) => {
                report.gaps.push(damage(offset, bytes.len()));
                report.damaged = true;
            }
        }
    }
    if others > 0 {
        let reason = "messages of the dump are no rows of an internet table";
        report.gaps.push(Gap::new("dump", reason).count(others));
    }
    for table in &want.tables {
        report.note(*table, Served::File, reading.rows, report.gaps.is_empty());
    }
    Ok(report)
}

fn damage(offset: usize, len: usize) -> Gap {
    let lost = (len - offset) as u64;
    let lost_bytes = match lost {
        0 => {
            let reason = format!("the file ends at offset {offset}, before its dump does");
            return Gap::new("dump", reason);
        }
        1 => "byte is",
        _ => "bytes are",
    };
    let reason = format!("{lost_bytes} lost: the file is damaged at offset {offset}");
    Gap::new("dump", reason).count(lost)
}

fn row(message: InetMessage<'_>, proto: Proto) -> Row<'_> {
    let socket = Socket::from_inet_diag(&message, proto);
    Row { socket, facts: Facts::Inet(message.attributes) }
}

fn wanted(row: &Row<'_>, want: &Want) -> bool {
    let socket = &row.socket;
    want.tables.contains(&socket.table) && want.states_of(socket.table).contains(socket.state)
}

fn assumed_proto(want: &Want) -> Proto {
    let mut protos = want.tables.iter().map(|table: &TableId| table.proto);
    match protos.next() {
        Some(first) if protos.all(|proto| proto == first) => first,
        _ => Proto::Tcp,
    }
}

fn proto_of(number: u8) -> Option<Proto> {
    match number {
        6 => Some(Proto::Tcp),
        17 => Some(Proto::Udp),
        136 => Some(Proto::Udplite),
        _ => None,
    }
}
