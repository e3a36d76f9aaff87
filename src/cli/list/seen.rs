//! Changes of a repeated list: sockets that came and that went.

use crate::model::address::Endpoint;
use crate::model::hash::KeyedSet;
use crate::model::proto::TableId;
use crate::model::row::Row;
use crate::output::json::Changes;

/// The identity of a socket between two rounds: cookie and both ends, and the
/// inode for a source without cookies.
type SocketKey = (TableId, u64, Option<(Endpoint, Endpoint)>, u32);

/// The sockets of this round and of the one before.
#[derive(Default)]
pub struct SeenSockets {
    before: Option<KeyedSet<SocketKey>>,
    now: KeyedSet<SocketKey>,
}

impl SeenSockets {
    /// Notes a socket of this round.
    pub fn add(&mut self, row: &Row<'_>) {
        let socket = &row.socket;
        let inode = if socket.cookie == 0 { socket.inode } else { 0 };
        self.now.insert((socket.table, socket.cookie, socket.local().zip(socket.remote()), inode));
    }

    /// Ends the round: what it has that the one before had not, and the other
    /// way round; nothing in the first round.
    pub fn turn(&mut self) -> Option<Changes> {
        let now = std::mem::take(&mut self.now);
        let changes = self.before.as_ref().map(|before| Changes {
            opened: now.difference(before).count() as u64,
            closed: before.difference(&now).count() as u64,
            total: now.len() as u64,
        });
        self.before = Some(now);
        changes
    }
}
