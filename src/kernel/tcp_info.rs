//! `struct tcp_info`, of whatever length the running kernel sends it.
//!
//! The struct only ever grows at its end: 232 bytes on 6.1, 248 on 6.12, 280 on
//! 6.18. A field beyond the end of what was sent is absent, not zero.

pub use super::layout::LayoutField;

use super::layout::{bits, byte, half, long, scaled, word};

/// State of the congestion control, one of [`CA_STATES`].
pub const CA_STATE: LayoutField =
    byte("ca_state", 1).means("congestion control: 0 open, 1 disorder, 2 cwr, 3 recovery, 4 loss");
/// The options that both ends agreed on, bits named by [`OPTIONS`].
pub const OPTION_BITS: LayoutField = byte("options", 5)
    .means("bits of what both ends agreed on: 1 timestamps, 2 SACK, 4 window scale, 8 ECN");
/// Retransmission timeout in force; stored in microseconds.
pub const RTO: LayoutField = scaled("rto_ms", 8, 1000).means("retransmission timeout in force, ms");
/// Time since data last arrived; set at establishment (`lrcvtime`).
pub const LAST_DATA_RECV: LayoutField =
    word("last_data_recv_ms", 52).means("time since data last arrived, ms");
/// Time since an ACK was last accepted (`rcv_tstamp`).
pub const LAST_ACK_RECV: LayoutField =
    word("last_ack_recv_ms", 56).means("time since an acknowledgement last arrived, ms");
/// Smoothed round-trip time; 0 before the first measurement.
pub const RTT: LayoutField = word("rtt_us", 68).means("smoothed round-trip time, microseconds");
/// Bytes received in sequence; counts a received FIN as one.
pub const BYTES_RECEIVED: LayoutField =
    long("bytes_received", 128).means("bytes received in sequence; a FIN counts as one");
/// Time spent in retransmission timeouts since the connection began (6.7).
pub const TOTAL_RTO_TIME: LayoutField =
    word("total_rto_time_ms", 244).means("time spent in retransmission timeouts, ms");

/// Doublings of the retransmission timeout in force.
pub const BACKOFF: LayoutField =
    byte("backoff", 4).means("doublings of the retransmission timeout in force");
/// Segments sent and not acknowledged; a listener's accept queue.
pub const UNACKED: LayoutField = word("unacked_segs", 24)
    .means("segments sent and not acknowledged; LISTEN: length of the accept queue");
/// Time since data was last sent; retransmits count (`lsndtime`).
pub const LAST_DATA_SENT: LayoutField =
    word("last_data_sent_ms", 44).means("time since data was last sent, retransmits too, ms");
/// Bytes the peer acknowledged.
pub const BYTES_ACKED: LayoutField =
    long("bytes_acked", 120).means("bytes that the peer acknowledged, of the whole connection");
/// Bytes that were never sent so far.
pub const NOTSENT: LayoutField =
    word("notsent_bytes", 144).means("bytes written by the application and not sent yet");
/// Time since the connection began in which the peer's window was the limit.
pub const RWND_LIMITED: LayoutField =
    long("rwnd_limited_us", 176).means("of it, time limited by the peer's window, microseconds");
/// The window the peer offers (5.4).
pub const SND_WND: LayoutField =
    word("snd_wnd_bytes", 228).means("window that the peer offers, bytes; 0 stops us");

/// Every field, in the kernel's order (`include/uapi/linux/tcp.h`).
///
/// `tcpi_state` is left out: the row's own state is authoritative and the two
/// may differ (`tcp_get_info` reads later). `accecn_fail_mode` and
/// `accecn_opt_seen` are left out because a later kernel laid them out anew.
pub const FIELDS: &[LayoutField] = &[
    CA_STATE,
    byte("retransmits", 2).means("retransmission timeouts in a row without an acknowledgement"),
    byte("probes", 3).means("probes of a zero window, or keepalive probes, without an answer"),
    BACKOFF,
    OPTION_BITS,
    bits("snd_wscale", 6, 0, 4).means("window scale of the peer, a power of two"),
    bits("rcv_wscale", 6, 4, 4).means("our window scale, a power of two"),
    bits("delivery_rate_app_limited", 7, 0, 1)
        .means("1 when the application, not the path, limits delivery_rate"),
    bits("fastopen_client_fail", 7, 1, 2).means("why Fast Open failed; 0 for no known reason"),
    RTO,
    scaled("ato_ms", 12, 1000).means("timeout of the delayed acknowledgement, ms"),
    word("snd_mss_bytes", 16).means("largest segment we send, bytes"),
    word("rcv_mss_bytes", 20).means("largest segment the peer seems to send, bytes"),
    UNACKED,
    word("sacked_segs", 28)
        .means("segments acknowledged selectively; LISTEN: limit of the accept queue"),
    word("lost_segs", 32).means("segments thought lost"),
    word("retrans_segs", 36).means("segments sent again and not acknowledged"),
    word("fackets_segs", 40).means("always 0 since Linux 4.15"),
    LAST_DATA_SENT,
    LAST_DATA_RECV,
    LAST_ACK_RECV,
    word("pmtu_bytes", 60).means("largest packet the path takes, bytes"),
    word("rcv_ssthresh_bytes", 64).means("largest receive window to announce at present, bytes"),
    RTT,
    word("rttvar_us", 72).means("its mean deviation, microseconds"),
    word("snd_ssthresh_segs", 76)
        .means("slow start ends at this window, segments; 2147483647 for no end"),
    word("snd_cwnd_segs", 80).means("congestion window, segments"),
    word("advmss_bytes", 84).means("segment size we announced, bytes"),
    word("reordering_segs", 88).means("how far segments may overtake each other, segments"),
    word("rcv_rtt_us", 92).means("round-trip time as the receiver measures it, microseconds"),
    word("rcv_space_bytes", 96).means("bytes that the application read in a round trip"),
    word("total_retrans_segs", 100).means("segments sent again, of the whole connection"),
    long("pacing_rate_bytes_per_s", 104)
        .means("rate at which packets are spread, bytes per second"),
    long("max_pacing_rate_bytes_per_s", 112).means("its limit; 18446744073709551615 for none"),
    BYTES_ACKED,
    BYTES_RECEIVED,
    word("segs_out", 136).means("segments sent"),
    word("segs_in", 140).means("segments received"),
    NOTSENT,
    word("min_rtt_us", 148).means("shortest round-trip time of late, microseconds"),
    word("data_segs_in", 152).means("segments with data received"),
    word("data_segs_out", 156).means("segments with data sent"),
    long("delivery_rate_bytes_per_s", 160)
        .means("rate at which data arrived at the peer, bytes per second"),
    long("busy_time_us", 168).means("time with data to send, microseconds"),
    RWND_LIMITED,
    long("sndbuf_limited_us", 184).means("of it, time limited by our send buffer, microseconds"),
    word("delivered_segs", 192).means("segments delivered, retransmits too"),
    word("delivered_ce_segs", 196).means("of these, marked by the path as congestion"),
    long("bytes_sent", 200).means("bytes of data sent, retransmits too"),
    long("bytes_retrans", 208).means("bytes of data sent again"),
    word("dsack_dups", 216).means("segments that the peer had already"),
    word("reord_seen", 220).means("times that reordering was seen"),
    word("rcv_ooopack", 224).means("segments that arrived out of order"),
    SND_WND,
    word("rcv_wnd_bytes", 232).means("window that we offer, bytes"),
    word("rehash", 236).means("times that another path was tried"),
    half("total_rto", 240).means("retransmission timeouts, of the whole connection"),
    half("total_rto_recoveries", 242).means("times that it recovered from a timeout"),
    TOTAL_RTO_TIME,
    word("received_ce_segs", 248).means("segments that arrived marked as congestion"),
    word("delivered_e1_bytes", 252).means("AccECN: bytes delivered as ECT(1)"),
    word("delivered_e0_bytes", 256).means("AccECN: bytes delivered as ECT(0)"),
    word("delivered_ce_bytes", 260).means("AccECN: bytes delivered marked as congestion"),
    word("received_e1_bytes", 264).means("AccECN: bytes received as ECT(1)"),
    word("received_e0_bytes", 268).means("AccECN: bytes received as ECT(0)"),
    word("received_ce_bytes", 272).means("AccECN: bytes received marked as congestion"),
];

/// Names of the bits of `options` (`TCPI_OPT_*`), lowest first.
pub const OPTIONS: [&str; 8] =
    ["ts", "sack", "wscale", "ecn", "ecn_seen", "syn_data", "usec_ts", "tfo_child"];

/// Names of `ca_state` (`enum tcp_ca_state`).
pub const CA_STATES: [&str; 5] = ["open", "disorder", "cwr", "recovery", "loss"];

/// Returns the word for a stored [`CA_STATE`]; its number where it has none.
pub fn ca_state_name(stored: u64) -> String {
    let word = usize::try_from(stored).ok().and_then(|i| CA_STATES.get(i));
    word.map_or_else(|| stored.to_string(), |word| (*word).to_owned())
}

/// Returns the words for stored [`OPTION_BITS`].
pub fn option_names(stored: u64) -> impl Iterator<Item = &'static str> {
    let set = move |i: &usize| stored >> i & 1 == 1;
    OPTIONS.iter().enumerate().filter(move |(i, _)| set(i)).map(|(_, name)| *name)
}

/// A `struct tcp_info`, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo<'a>(&'a [u8]);

impl<'a> TcpInfo<'a> {
    /// Makes it from the attribute's payload.
    pub fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    /// Returns one field's stored value, before its divisor; `None` where this kernel's
    /// struct ends before it.
    pub fn get(&self, field: &LayoutField) -> Option<u64> {
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
