//! close-wait-leak: the peer hung up long ago and the application never closed.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::conn::Conn;
use crate::model::human;
use crate::model::snapshot::Snapshot;
use crate::model::standing::Standing;
use crate::model::state::State;
use crate::rules::threshold::exceeds;
use crate::rules::{
    Alert, Needs, Rule, RulePage, Settings, Severity, Shows, Subject, Threshold, Verdict,
};

const ID: &str = "close-wait-leak";

const MIN_COUNT: Threshold =
    Threshold::count("min_count", "sockets", 10, "so many old ones of a process are a leak");
const CRITICAL_COUNT: Threshold =
    Threshold::count("critical_count", "sockets", 100, "so many old ones are critical");
const AGE: Threshold =
    Threshold::time("age", 60_000, "younger ones may still be closed in the ordinary course");
const LIMIT_PERCENT: Threshold = Threshold::percent(
    "limit_percent",
    50,
    "old ones beyond this part of the process' RLIMIT_NOFILE are critical",
);
const GROWTH: Threshold = Threshold::count(
    "growth",
    "sockets",
    10,
    "so many more than at the start of the window have been in CLOSE_WAIT for half of it, and none \
     of the first was closed",
);
const WINDOW: Threshold =
    Threshold::time("window", 10_000, "growth counts over at least this time (--for)");

pub(super) const RULE: Rule = Rule {
    id: ID,
    fires: "a process holds min_count sockets in CLOSE_WAIT for age (critical: critical_count, or \
            limit_percent of its open files), or over a window their number grew by growth and \
            none was closed",
    evidence: &[
        ("oldest_ms", "the longest time in CLOSE_WAIT that is proven"),
        ("eof_read", "sockets whose end of file the application has read"),
        ("eof_unread", "sockets whose end of file it has not read"),
        ("data_unread", "sockets with unread data before the end of file"),
        ("open_files_limit", "descriptors the process may open, where it can be read"),
        ("growth", "sockets more than at the start of the window; with --for"),
        ("window_ms", "length of the window; with --for"),
    ],
    thresholds: &[MIN_COUNT, CRITICAL_COUNT, AGE, LIMIT_PERCENT, GROWTH, WINDOW],
    needs: Needs { conns: true, ..Needs::NONE },
    check,
    shows: Shows::Filter("state close-wait"),
    page: PAGE,
};

#[derive(Default)]
struct Heap {
    /// Old ones.
    count: u64,
    ageless: u64,
    oldest_ms: u64,
    read: u64,
    unread: u64,
    data_unread: u64,
    /// All of them, old or young.
    cookies: BTreeSet<u64>,
    /// Those of them that are in the state for half the window of growth: a
    /// server that closes what it sees hung up may have many that are younger.
    lingering: u64,
}

fn check(snapshot: &Snapshot, settings: &Settings<'_>) -> Verdict {
    let heaps = heaps(snapshot, Some(settings));
    let before = snapshot
        .past
        .as_ref()
        .filter(|past| past.elapsed_ms >= settings.base(&WINDOW))
        .map(|past| (heaps_of_past(&past.snapshot), past.elapsed_ms));
    let ageless = heaps.iter().find_map(|(subject, heap)| {
        let enough = heap.count + heap.ageless >= settings.of(&MIN_COUNT, subject);
        (heap.ageless > 0 && enough).then_some(heap.ageless)
    });
    let found = heaps.into_iter().filter_map(|(subject, heap)| {
        let growth = before
            .as_ref()
            .and_then(|(before, elapsed)| {
                Some((growth(before.get(&subject.key()), &heap)?, *elapsed))
            })
            .filter(|(growth, _)| *growth >= settings.of(&GROWTH, &subject));
        alert(snapshot, settings, subject, &heap, growth)
    });
    let why = |n| format!("no tcp_info tells the age of {}", human::plural(n, "socket"));
    Verdict::of_or_unknown(found.collect(), ageless.map(why))
}

/// Heaps up the sockets of each process. Unaccepted connections belong to the
/// listener (accept-stall), not to a leak.
fn heaps(snapshot: &Snapshot, settings: Option<&Settings<'_>>) -> BTreeMap<Subject, Heap> {
    let mut heaps: BTreeMap<Subject, Heap> = BTreeMap::new();
    let owned = |conn: &&Conn| conn.standing == Standing::Descriptor;
    for conn in snapshot.in_state(State::CloseWait).filter(owned) {
        for subject in Subject::holders(snapshot, conn) {
            let age = settings.map_or(0, |settings| settings.of(&AGE, &subject));
            let half = settings.map_or(0, |settings| settings.base(&WINDOW) / 2);
            let heap = heaps.entry(subject).or_default();
            heap.lingering += u64::from(conn.age.is_some_and(|known| known.min_ms >= half));
            heap.add(conn, age);
        }
    }
    heaps
}

fn heaps_of_past(snapshot: &Snapshot) -> BTreeMap<String, BTreeSet<u64>> {
    heaps(snapshot, None).into_iter().map(|(s, heap)| (s.key(), heap.cookies)).collect()
}

/// Counts how many more linger, where every one of the first is still there; with
/// churn there is no leak, however the number moves.
fn growth(before: Option<&BTreeSet<u64>>, now: &Heap) -> Option<u64> {
    let none = BTreeSet::new();
    let before = before.unwrap_or(&none);
    let survived = before.iter().all(|cookie| *cookie != 0 && now.cookies.contains(cookie));
    survived.then(|| now.lingering.saturating_sub(before.len() as u64))
}

impl Heap {
    fn add(&mut self, conn: &Conn, age: u64) {
        self.cookies.insert(conn.cookie);
        let Some(known) = conn.age else {
            self.ageless += 1;
            return;
        };
        if known.min_ms < age {
            return;
        }
        self.count += 1;
        self.oldest_ms = self.oldest_ms.max(known.min_ms);
        // The FIN counts as one byte until the end of file was read
        // (tcp_diag_get_info: rcv_nxt - copied_seq).
        match conn.recv_q {
            Some(0) => self.read += 1,
            Some(1) => self.unread += 1,
            Some(_) => self.data_unread += 1,
            None => {}
        }
    }

    fn summary(&self, growth: Option<(u64, u64)>) -> String {
        let parts = [
            (self.read, "end of file read, not closed"),
            (self.unread, "end of file not read"),
            (self.data_unread, "data not read"),
        ];
        let split: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        let old = format!(
            "{} in CLOSE_WAIT, oldest {}: {}",
            human::plural(self.count, "socket"),
            human::duration(self.oldest_ms),
            split.join(", ")
        );
        let Some((more, window_ms)) = growth else { return old };
        let grown = format!(
            "{} in CLOSE_WAIT, {} more within {} and none closed",
            human::plural(self.cookies.len() as u64, "socket"),
            human::count(more),
            human::duration(window_ms)
        );
        if self.count == 0 {
            grown
        } else {
            format!("{old}; {} more within {}", human::count(more), human::duration(window_ms))
        }
    }

    /// Tells what the split says of the application.
    fn remedy(&self) -> &'static str {
        if self.count == 0 {
            "the peers hang up and the application does not close its side: look for the missing \
             close; no kernel parameter ends CLOSE_WAIT"
        } else if self.read >= self.unread + self.data_unread {
            "the peer hung up and the application knows, but never calls close(): look for the \
             missing close; no kernel parameter ends CLOSE_WAIT"
        } else {
            "the peer hung up and the application never looked: it is stuck, or does not poll \
             these connections; no kernel parameter ends CLOSE_WAIT"
        }
    }
}

fn alert(
    snapshot: &Snapshot,
    settings: &Settings<'_>,
    subject: Subject,
    heap: &Heap,
    growth: Option<(u64, u64)>,
) -> Option<Alert> {
    let old = heap.count >= settings.of(&MIN_COUNT, &subject);
    if !old && growth.is_none() {
        return None;
    }
    let limit = match &subject {
        Subject::Process { pid, .. } => snapshot.open_file_limits.get(pid).copied(),
        _ => None,
    };
    let percent = settings.of(&LIMIT_PERCENT, &subject);
    let beyond = limit.is_some_and(|limit| exceeds(heap.count, percent, limit));
    let critical = old && (heap.count >= settings.of(&CRITICAL_COUNT, &subject) || beyond);
    let mut evidence = vec![
        ("oldest_ms", heap.oldest_ms),
        ("eof_read", heap.read),
        ("eof_unread", heap.unread),
        ("data_unread", heap.data_unread),
    ];
    evidence.extend(limit.map(|limit| ("open_files_limit", limit)));
    if let Some((more, window_ms)) = growth {
        evidence.extend([("growth", more), ("window_ms", window_ms)]);
    }
    Some(Alert {
        rule: ID.into(),
        severity: if critical { Severity::Critical } else { Severity::Warning },
        count: if old { heap.count } else { heap.cookies.len() as u64 },
        subject,
        evidence,
        summary: heap.summary(growth),
        remedy: heap.remedy().to_owned(),
    })
}

/// Explains the rule.
const PAGE: RulePage = RulePage {
    title: "a process does not close what its peers have closed",
    aliases: &[],
    now: &["CLOSE_WAIT"],
    see: &["close-wait", "accept-stall", "dead-fd-leak", "fin-wait2"],
    means: "A process holds connections whose peer hung up long ago. It owes each of them a \
            close(). By default the rule warns from {setting:min_count} such sockets older than \
            {setting:age} seconds, and calls it critical from {setting:critical_count}, or when \
            they take more than half of the descriptors the process may open. Age decides, not the \
            count: a busy proxy has many young ones and is healthy.",
    look_at: &[
        "The split in the evidence. End of file read: the program knows and forgot to close. End \
         unread: it never looked, it is stuck or does not poll. Data unread: it is stuck or slow.",
        "`sockstate list state close-wait -p`: do the remote ends have something in common? That \
         names the code path.",
        "Whether the number only grows; then the limit of open files is the end of it.",
    ],
    helps: &[
        "Add the missing close(), most often on an error path.",
        "Until then restart the process before it runs out of descriptors.",
    ],
    helps_not: &[
        "Lowering net.ipv4.tcp_fin_timeout or net.ipv4.tcp_keepalive_time: no kernel parameter \
         ends CLOSE_WAIT.",
    ],
};

/// Shows looks at which it fires, in every way it can (`alert/tests.rs` reads them).
#[cfg(test)]
pub(super) const EXAMPLE: &str = "
at 1s
  close-wait 214 41m 812 api
at 18s
  close-wait 3 1s 812 api
at 19s
  close-wait 230 6s 812 api
";
