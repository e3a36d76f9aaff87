//! close-wait-leak: the peer hung up long ago and the application never closed.

use std::collections::BTreeMap;

use crate::model::age::Age;
use crate::model::escape::escaped;
use crate::model::frame::Frame;
use crate::model::human;
use crate::model::queues::EndOfFile;
use crate::model::row::Row;
use crate::model::standing::Standing;

use super::{Alert, Severity, Subject, Verdict, verdict};

pub(super) const ID: &str = "close-wait-leak";

/// Sockets of one process from which on it is a leak.
const WARN_COUNT: u64 = 10;
const CRITICAL_COUNT: u64 = 100;
/// Younger ones may still be closed in the ordinary course of things.
const MIN_AGE_MS: u64 = 60_000;

/// Whose sockets they are: a process, or a user whose process is hidden.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Process(u32),
    User(Option<u32>),
}

#[derive(Default)]
struct Pile {
    count: u64,
    oldest_ms: u64,
    read: u64,
    unread: u64,
    data_unread: u64,
}

pub(super) fn check(frame: &Frame) -> Verdict {
    let mut piles: BTreeMap<Holder, Pile> = BTreeMap::new();
    let mut ageless = 0;
    // Unaccepted connections belong to the listener, not to a leak.
    let owned = |row: &Row<'_>| Standing::of(row) == Standing::Descriptor;
    for row in frame.close_wait.iter().filter(owned) {
        match Age::of(&row) {
            Some(age) if age.min_ms >= MIN_AGE_MS => {
                for holder in holders(frame, &row) {
                    piles.entry(holder).or_default().add(&row, age);
                }
            }
            Some(_) => {}
            None => ageless += 1,
        }
    }
    if ageless >= WARN_COUNT {
        return Verdict::Unknown(format!(
            "no tcp_info tells the age of {}",
            human::plural(ageless, "socket")
        ));
    }
    verdict(piles.into_iter().filter_map(|(holder, pile)| alert(frame, holder, &pile)).collect())
}

fn holders(frame: &Frame, row: &Row<'_>) -> Vec<Holder> {
    let mut pids: Vec<u32> =
        frame.owners.of(row.socket.inode).iter().map(|holder| holder.pid).collect();
    pids.dedup();
    if pids.is_empty() {
        return vec![Holder::User(row.socket.uid)];
    }
    pids.into_iter().map(Holder::Process).collect()
}

impl Pile {
    fn add(&mut self, row: &Row<'_>, age: Age) {
        self.count += 1;
        self.oldest_ms = self.oldest_ms.max(age.min_ms);
        match EndOfFile::of(row) {
            Some(EndOfFile::Read) => self.read += 1,
            Some(EndOfFile::Unread) => self.unread += 1,
            Some(EndOfFile::DataUnread) => self.data_unread += 1,
            None => {}
        }
    }

    fn summary(&self) -> String {
        let parts = [
            (self.read, "end of file read, not closed"),
            (self.unread, "end of file not read"),
            (self.data_unread, "data not read"),
        ];
        let split: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        format!(
            "{} in CLOSE_WAIT, oldest {}: {}",
            human::plural(self.count, "socket"),
            human::duration(self.oldest_ms),
            split.join(", ")
        )
    }

    /// What the split says of the application.
    fn remedy(&self) -> &'static str {
        if self.read >= self.unread + self.data_unread {
            "the peer hung up and the application knows, but never calls close(): look for the \
             missing close; no kernel parameter ends CLOSE_WAIT"
        } else {
            "the peer hung up and the application never looked: it is stuck, or does not poll \
             these connections; no kernel parameter ends CLOSE_WAIT"
        }
    }
}

fn alert(frame: &Frame, holder: Holder, pile: &Pile) -> Option<Alert> {
    if pile.count < WARN_COUNT {
        return None;
    }
    let limit = match holder {
        Holder::Process(pid) => frame.open_file_limits.get(&pid).copied(),
        Holder::User(_) => None,
    };
    let half_of_limit = limit.is_some_and(|limit| pile.count * 2 > limit);
    let critical = pile.count >= CRITICAL_COUNT || half_of_limit;
    let mut evidence = vec![
        ("oldest_ms", pile.oldest_ms),
        ("eof_read", pile.read),
        ("eof_unread", pile.unread),
        ("data_unread", pile.data_unread),
    ];
    evidence.extend(limit.map(|limit| ("open_files_limit", limit)));
    Some(Alert {
        rule: ID,
        severity: if critical { Severity::Critical } else { Severity::Warning },
        subject: match holder {
            Holder::Process(pid) => Subject::Process { pid, comm: escaped(frame.owners.comm(pid)) },
            Holder::User(uid) => Subject::User { uid },
        },
        count: pile.count,
        evidence,
        summary: pile.summary(),
        remedy: pile.remedy().to_owned(),
    })
}
