//! Numbers that a congestion control tells of itself (`tcp_congestion_ops.get_info`).
//!
//! The kernel sends one of three structures, asked for by one extension bit.

use super::inet_diag::attribute;
use super::layout::{LayoutField, half, scaled, word};

/// One of the structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CongestionKind {
    /// Its name.
    pub name: &'static str,
    /// The prefix of its numbers in text.
    pub prefix: &'static str,
    /// Its attribute.
    pub attribute: u16,
    /// Its fields.
    pub fields: &'static [LayoutField],
}

/// Every structure the kernel has.
pub const KINDS: &[CongestionKind] = &[
    CongestionKind {
        name: "bbr",
        prefix: "bbr_",
        attribute: attribute::BBRINFO,
        // struct tcp_bbr_info: gains are fixed point with 8 bits of fraction.
        fields: &[
            word("bw_low_bytes_per_s", 0),
            word("bw_high_bytes_per_s", 4),
            word("min_rtt_us", 8),
            scaled("pacing_gain", 12, 256),
            scaled("cwnd_gain", 16, 256),
        ],
    },
    CongestionKind {
        name: "dctcp",
        prefix: "dctcp_",
        attribute: attribute::DCTCPINFO,
        // struct tcp_dctcp_info
        fields: &[
            half("enabled", 0),
            half("ce_state", 2),
            word("alpha", 4),
            word("ab_ecn_bytes", 8),
            word("ab_tot_bytes", 12),
        ],
    },
    CongestionKind {
        name: "vegas",
        prefix: "vegas_",
        attribute: attribute::VEGASINFO,
        // struct tcpvegas_info
        fields: &[word("enabled", 0), word("rttcnt", 4), word("rtt_us", 8), word("minrtt_us", 12)],
    },
];
