//! What is compared, and the bars.

/// One work, done by sockstate and by a peer.
pub struct Work {
    /// What is done.
    pub name: &'static str,
    /// Arguments of sockstate.
    pub ours: &'static [&'static str],
    /// The peer's command, run by `sh -c`.
    pub theirs: &'static str,
    /// Our CPU time must be at most this part of the peer's.
    pub bar: f64,
    /// Our resident size must be at most this.
    pub peak_mib: Option<i64>,
    /// Populations for which the bar is set; smaller ones are only measured.
    pub bar_from: u64,
    /// Populations beyond this take the peer too long.
    pub to: u64,
    /// From this size on the peer takes minutes: one round.
    pub slow_from: u64,
}

impl Work {
    /// Whether it is done with a population of this size.
    pub fn is_for(&self, size: u64) -> bool {
        size <= self.to
    }

    /// How often, when asked for so many rounds.
    pub fn rounds(&self, size: u64, asked: usize) -> usize {
        if size >= self.slow_from { 1 } else { asked.max(1) }
    }

    /// The peer's command without what the shell needs.
    pub fn theirs_short(&self) -> &'static str {
        let command = self.theirs.split(" '").next().unwrap_or(self.theirs);
        command.trim_start_matches("exec ")
    }
}

const NEVER: u64 = u64::MAX;

const fn work(
    name: &'static str,
    ours: &'static [&'static str],
    theirs: &'static str,
    bar: f64,
) -> Work {
    Work { name, ours, theirs, bar, peak_mib: None, bar_from: 100_000, to: NEVER, slow_from: NEVER }
}

/// Peak of a list that needs neither order nor owners.
const STREAMED: Option<i64> = Some(64);

const AWK: &str = "ss -tanH | awk '{n[$1]++} END {for (s in n) print s, n[s]}'";

/// Every work.
pub const WORKS: &[Work] = &[
    Work { peak_mib: STREAMED, ..work("list -tan", &["list", "-tan"], "exec ss -tan", 0.5) },
    Work { peak_mib: STREAMED, ..work("list -tin", &["list", "-tin"], "exec ss -tin", 0.5) },
    Work {
        peak_mib: STREAMED,
        ..work("list -tan --json", &["list", "-tan", "--json"], "exec ss -tan", 0.75)
    },
    work("count", &["count"], AWK, 0.1),
    Work { bar_from: 1_000_000, ..work("listeners", &["listeners"], "exec ss -tln", 0.1) },
    work(
        "list state close-wait",
        &["list", "-t", "state", "close-wait"],
        "exec ss -tan state close-wait",
        1.0,
    ),
    Work {
        bar_from: 500_000,
        to: 500_000,
        slow_from: 400_000,
        ..work("list -tanp", &["list", "-tanp"], "exec ss -tanp", 0.02)
    },
];
