//! Rows kept: one compact record each, their facts in one shared arena.

use crate::kernel::netlink::Attributes;
use crate::kernel::unix_diag::UnixAttributes;

use super::facts::Facts;
use super::row::Row;
use super::socket::Socket;

#[derive(Clone, Copy, Debug)]
enum FactsKind {
    None,
    Inet,
    Unix,
    ProcPath,
    ProcDrops,
    Netlink,
    Packet,
}

#[derive(Clone, Copy, Debug)]
struct StoredRow {
    socket: Socket,
    start: usize,
    len: u32,
    kind: FactsKind,
}

/// Rows in the order they came; no allocation for each.
#[derive(Debug, Default)]
pub struct Table {
    records: Vec<StoredRow>,
    arena: Vec<u8>,
}

impl Table {
    /// Keeps a row with all its facts.
    pub fn push(&mut self, row: &Row<'_>) {
        let drops;
        let (kind, bytes): (FactsKind, &[u8]) = match row.facts {
            Facts::None => (FactsKind::None, &[]),
            Facts::Inet(attributes) => (FactsKind::Inet, attributes.as_bytes()),
            Facts::Unix(attributes) => (FactsKind::Unix, attributes.as_bytes()),
            Facts::ProcPath(path) => (FactsKind::ProcPath, path),
            Facts::Netlink(attributes) => (FactsKind::Netlink, attributes.as_bytes()),
            Facts::Packet(attributes) => (FactsKind::Packet, attributes.as_bytes()),
            Facts::ProcDrops(count) => {
                drops = count.to_ne_bytes();
                (FactsKind::ProcDrops, &drops)
            }
        };
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.records.push(StoredRow { socket: row.socket, start, len: bytes.len() as u32, kind });
    }

    /// Returns the row at an index.
    pub fn get(&self, index: usize) -> Option<Row<'_>> {
        self.records.get(index).map(|record| self.row(record))
    }

    /// Returns all rows.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().map(|record| self.row(record))
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    fn row(&self, record: &StoredRow) -> Row<'_> {
        let end = record.start + record.len as usize;
        let bytes = self.arena.get(record.start..end).unwrap_or_default();
        let facts = match record.kind {
            FactsKind::None => Facts::None,
            FactsKind::Inet => Facts::Inet(Attributes::new(bytes)),
            FactsKind::Unix => Facts::Unix(UnixAttributes::new(bytes)),
            FactsKind::ProcPath => Facts::ProcPath(bytes),
            FactsKind::Netlink => Facts::Netlink(Attributes::new(bytes)),
            FactsKind::Packet => Facts::Packet(Attributes::new(bytes)),
            FactsKind::ProcDrops => {
                let count = bytes.try_into().map(u32::from_ne_bytes).unwrap_or_default();
                Facts::ProcDrops(count)
            }
        };
        Row { socket: record.socket, facts }
    }
}
