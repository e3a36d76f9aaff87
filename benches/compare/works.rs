//! What is compared, and the bars of the design.

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
    /// Smallest population for which the bar means something.
    pub from: u64,
    /// Largest population the peer can be waited for.
    pub to: u64,
}

/// Every work.
pub const WORKS: &[Work] = &[
    Work {
        name: "list -tan",
        ours: &["list", "-tan"],
        theirs: "exec ss -tan",
        bar: 0.5,
        from: 1,
        to: u64::MAX,
    },
    Work {
        name: "list -tin",
        ours: &["list", "-tin"],
        theirs: "exec ss -tin",
        bar: 0.5,
        from: 1,
        to: u64::MAX,
    },
    Work {
        name: "count | ss -tan | awk",
        ours: &["count"],
        theirs: "ss -tanH | awk '{n[$1]++} END {for (s in n) print s, n[s]}'",
        bar: 0.1,
        from: 100_000,
        to: u64::MAX,
    },
    Work {
        name: "listeners | ss -tln",
        ours: &["listeners"],
        theirs: "exec ss -tln",
        bar: 0.1,
        from: 1_000_000,
        to: u64::MAX,
    },
    Work {
        name: "list -tanp",
        ours: &["list", "-tanp"],
        theirs: "exec ss -tanp",
        bar: 0.02,
        from: 400_000,
        to: 600_000,
    },
    Work {
        name: "list -tanp (small)",
        ours: &["list", "-tanp"],
        theirs: "exec ss -tanp",
        bar: 1.0,
        from: 1,
        to: 100_000,
    },
    Work {
        name: "list -ta --json | ss -tan",
        ours: &["list", "-ta", "--json"],
        theirs: "exec ss -tan",
        bar: 0.75,
        from: 1,
        to: u64::MAX,
    },
    Work {
        name: "list state close-wait",
        ours: &["list", "-t", "state", "close-wait"],
        theirs: "exec ss -tan state close-wait",
        bar: 1.0,
        from: 1,
        to: u64::MAX,
    },
];
