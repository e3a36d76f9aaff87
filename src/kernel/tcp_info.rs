//! `struct tcp_info`, of whatever length the running kernel sends it.
//!
//! The struct only ever grows at its end: 232 bytes on 6.1, 248 on 6.12, 280 on
//! 6.18. A field beyond the end of what was sent is absent, not zero.

pub use super::layout::Field;

use super::layout::{bits, byte, half, long, scaled, word};

/// State of the congestion control, one of [`CA_STATES`].
pub const CA_STATE: Field = byte("ca_state", 1);
/// What both ends agreed on, bits named by [`OPTIONS`].
pub const OPTION_BITS: Field = byte("options", 5);
/// Retransmission timeout in force; stored in microseconds.
pub const RTO: Field = scaled("rto_ms", 8, 1000);
/// Time since data last arrived; set at establishment (`lrcvtime`).
pub const LAST_DATA_RECV: Field = word("last_data_recv_ms", 52);
/// Time since an ACK was last accepted (`rcv_tstamp`).
pub const LAST_ACK_RECV: Field = word("last_ack_recv_ms", 56);
/// Smoothed round-trip time; 0 before the first measurement.
pub const RTT: Field = word("rtt_us", 68);
/// Bytes received in sequence; counts a received FIN as one.
pub const BYTES_RECEIVED: Field = long("bytes_received", 128);
/// Time spent in retransmission timeouts since the connection began (6.7).
pub const TOTAL_RTO_TIME: Field = word("total_rto_time_ms", 244);

/// Doublings of the retransmission timeout in force.
pub const BACKOFF: Field = byte("backoff", 4);
/// Segments sent and not acknowledged; a listener's accept queue.
pub const UNACKED: Field = word("unacked_segs", 24);
/// Time since data was last sent; retransmits count (`lsndtime`).
pub const LAST_DATA_SENT: Field = word("last_data_sent_ms", 44);
/// Bytes the peer acknowledged.
pub const BYTES_ACKED: Field = long("bytes_acked", 120);
/// Bytes that were never sent so far.
pub const NOTSENT: Field = word("notsent_bytes", 144);
/// Time since the connection began in which the peer's window was the limit.
pub const RWND_LIMITED: Field = long("rwnd_limited_us", 176);
/// The window the peer offers (5.4).
pub const SND_WND: Field = word("snd_wnd_bytes", 228);

/// Every field, in the kernel's order (`include/uapi/linux/tcp.h`).
///
/// `tcpi_state` is left out: the row's own state is authoritative and the two
/// may differ (`tcp_get_info` reads later). `accecn_fail_mode` and
/// `accecn_opt_seen` are left out because a later kernel laid them out anew.
pub const FIELDS: &[Field] = &[
    CA_STATE,
    byte("retransmits", 2),
    byte("probes", 3),
    BACKOFF,
    OPTION_BITS,
    bits("snd_wscale", 6, 0, 4),
    bits("rcv_wscale", 6, 4, 4),
    bits("delivery_rate_app_limited", 7, 0, 1),
    bits("fastopen_client_fail", 7, 1, 2),
    RTO,
    scaled("ato_ms", 12, 1000),
    word("snd_mss_bytes", 16),
    word("rcv_mss_bytes", 20),
    UNACKED,
    word("sacked_segs", 28),
    word("lost_segs", 32),
    word("retrans_segs", 36),
    word("fackets_segs", 40),
    LAST_DATA_SENT,
    LAST_DATA_RECV,
    LAST_ACK_RECV,
    word("pmtu_bytes", 60),
    word("rcv_ssthresh_bytes", 64),
    RTT,
    word("rttvar_us", 72),
    word("snd_ssthresh_segs", 76),
    word("snd_cwnd_segs", 80),
    word("advmss_bytes", 84),
    word("reordering_segs", 88),
    word("rcv_rtt_us", 92),
    word("rcv_space_bytes", 96),
    word("total_retrans_segs", 100),
    long("pacing_rate_bytes_per_s", 104),
    long("max_pacing_rate_bytes_per_s", 112),
    BYTES_ACKED,
    BYTES_RECEIVED,
    word("segs_out", 136),
    word("segs_in", 140),
    NOTSENT,
    word("min_rtt_us", 148),
    word("data_segs_in", 152),
    word("data_segs_out", 156),
    long("delivery_rate_bytes_per_s", 160),
    long("busy_time_us", 168),
    RWND_LIMITED,
    long("sndbuf_limited_us", 184),
    word("delivered_segs", 192),
    word("delivered_ce_segs", 196),
    long("bytes_sent", 200),
    long("bytes_retrans", 208),
    word("dsack_dups", 216),
    word("reord_seen", 220),
    word("rcv_ooopack", 224),
    SND_WND,
    word("rcv_wnd_bytes", 232),
    word("rehash", 236),
    half("total_rto", 240),
    half("total_rto_recoveries", 242),
    TOTAL_RTO_TIME,
    word("received_ce_segs", 248),
    word("delivered_e1_bytes", 252),
    word("delivered_e0_bytes", 256),
    word("delivered_ce_bytes", 260),
    word("received_e1_bytes", 264),
    word("received_e0_bytes", 268),
    word("received_ce_bytes", 272),
];

/// Names of the bits of `options` (`TCPI_OPT_*`), lowest first.
pub const OPTIONS: [&str; 8] =
    ["ts", "sack", "wscale", "ecn", "ecn_seen", "syn_data", "usec_ts", "tfo_child"];

/// Names of `ca_state` (`enum tcp_ca_state`).
pub const CA_STATES: [&str; 5] = ["open", "disorder", "cwr", "recovery", "loss"];

/// The word for a stored [`CA_STATE`]; its number where it has none.
pub fn ca_state_name(stored: u64) -> String {
    let word = usize::try_from(stored).ok().and_then(|i| CA_STATES.get(i));
    word.map_or_else(|| stored.to_string(), |word| (*word).to_owned())
}

/// The words for stored [`OPTION_BITS`].
pub fn option_names(stored: u64) -> impl Iterator<Item = &'static str> {
    let set = move |i: &usize| stored >> i & 1 == 1;
    OPTIONS.iter().enumerate().filter(move |(i, _)| set(i)).map(|(_, name)| *name)
}

/// A `struct tcp_info`, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo<'a>(&'a [u8]);

impl<'a> TcpInfo<'a> {
    /// From the attribute's payload.
    pub fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    /// One field's stored value, before its divisor; `None` where this kernel's
    /// struct ends before it.
    pub fn get(&self, field: &Field) -> Option<u64> {
        field.get(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte *i* of the struct is *i* (mod 256): every field's value is known.
    fn counting() -> Vec<u8> {
        (0..280u32).map(|i| i as u8).collect()
    }

    #[test]
    fn fields_are_read_where_the_kernel_puts_them() {
        let bytes = counting();
        let info = TcpInfo::new(&bytes);
        assert_eq!(info.get(&RTO), Some(u32::from_ne_bytes([8, 9, 10, 11]).into()));
        assert_eq!(info.get(&bits("rcv_wscale", 6, 4, 4)), Some(0));
        assert_eq!(info.get(&bits("snd_wscale", 6, 0, 4)), Some(6));
        assert_eq!(info.get(&half("total_rto", 240)), Some(u16::from_ne_bytes([240, 241]).into()));
    }

    #[test]
    fn a_shorter_struct_loses_its_last_fields_only() {
        let bytes = counting();
        let old = TcpInfo::new(&bytes[..232]);
        assert!(old.get(&word("snd_wnd_bytes", 228)).is_some());
        assert_eq!(old.get(&TOTAL_RTO_TIME), None);
        let cut = TcpInfo::new(&bytes[..10]);
        assert_eq!(cut.get(&RTO), None);
        assert!(FIELDS.iter().all(|f| TcpInfo::new(&[]).get(f).is_none()));
    }

    #[test]
    fn fields_neither_overlap_nor_repeat_a_name() {
        let mut names: Vec<_> = FIELDS.iter().map(|f| f.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FIELDS.len());
        for pair in FIELDS.windows(2) {
            assert!(pair[0].span().1 <= pair[1].span().0, "{}", pair[1].name);
        }
    }
}
