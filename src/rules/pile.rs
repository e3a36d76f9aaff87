//! Sockets of one subject heaped up: one alert a subject, with counts.

use std::collections::BTreeMap;

use crate::model::conn::Conn;
use crate::model::human;

use super::alert::Alert;
use super::settings::Settings;
use super::subject::{Subject, shown};
use super::threshold::Threshold;

/// Counts sockets of one subject, and keeps the largest of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pile {
    /// The number of sockets.
    pub count: u64,
    /// Those without a process.
    pub orphans: u64,
    /// The longest time.
    pub longest_ms: u64,
    /// The most retransmits or probes of one.
    pub retransmits: u64,
    /// Bytes waiting, of all together.
    pub bytes: u64,
    /// The peer of the worst one.
    pub peer: Option<String>,
}

impl Pile {
    /// Takes in a socket with the time and the bytes that matter.
    pub fn add(&mut self, conn: &Conn, ms: u64, bytes: u64) {
        if self.count == 0 || (ms, conn.retransmits()) > (self.longest_ms, self.retransmits) {
            self.peer = Some(shown(conn.remote));
        }
        self.count += 1;
        self.orphans += u64::from(conn.inode == 0);
        self.longest_ms = self.longest_ms.max(ms);
        self.retransmits = self.retransmits.max(conn.retransmits());
        self.bytes += bytes;
    }

    /// Writes `3 sockets`.
    pub fn sockets(&self) -> String {
        human::plural(self.count, "socket")
    }

    /// Writes `, peer 10.0.0.1:443` or `, worst peer …` where there are several.
    pub fn peer_text(&self) -> String {
        match &self.peer {
            Some(peer) if self.count == 1 => format!(", peer {peer}"),
            Some(peer) => format!(", worst peer {peer}"),
            None => String::new(),
        }
    }
}

/// Holds a pile for each subject.
pub(super) type Piles = BTreeMap<Subject, Pile>;

/// Returns an alert of each pile that is large enough for its subject.
pub(super) fn alerts(
    piles: Piles,
    settings: &Settings<'_>,
    least: &Threshold,
    alert: impl Fn(Subject, &Pile) -> Alert,
) -> Vec<Alert> {
    let enough = |(subject, pile): &(Subject, Pile)| pile.count >= settings.of(least, subject);
    piles.into_iter().filter(enough).map(|(subject, pile)| alert(subject, &pile)).collect()
}
