//! What the kernel's own numbers are, in a few words each: for `--columns help`
//! and the man page.

/// Fields of `struct tcp_info` and of socket memory, in the kernel's order.
const HELP: &[(&str, &str)] = &[
    ("ca_state", "congestion control: 0 open, 1 disorder, 2 cwr, 3 recovery, 4 loss"),
    ("retransmits", "retransmission timeouts in a row without an acknowledgement"),
    ("probes", "probes of a zero window, or keepalive probes, without an answer"),
    ("backoff", "doublings of the retransmission timeout in force"),
    ("options", "bits of what both ends agreed on: 1 timestamps, 2 SACK, 4 window scale, 8 ECN"),
    ("snd_wscale", "window scale of the peer, a power of two"),
    ("rcv_wscale", "our window scale, a power of two"),
    ("delivery_rate_app_limited", "1 when the application, not the path, limits delivery_rate"),
    ("fastopen_client_fail", "why Fast Open failed; 0 for no known reason"),
    ("rto_ms", "retransmission timeout in force, ms"),
    ("ato_ms", "timeout of the delayed acknowledgement, ms"),
    ("snd_mss_bytes", "largest segment we send, bytes"),
    ("rcv_mss_bytes", "largest segment the peer seems to send, bytes"),
    ("unacked_segs", "segments sent and not acknowledged; LISTEN: length of the accept queue"),
    ("sacked_segs", "segments acknowledged selectively; LISTEN: limit of the accept queue"),
    ("lost_segs", "segments thought lost"),
    ("retrans_segs", "segments sent again and not acknowledged"),
    ("fackets_segs", "always 0 since Linux 4.15"),
    ("last_data_sent_ms", "time since data was last sent, retransmits too, ms"),
    ("last_data_recv_ms", "time since data last arrived, ms"),
    ("last_ack_recv_ms", "time since an acknowledgement last arrived, ms"),
    ("pmtu_bytes", "largest packet the path takes, bytes"),
    ("rcv_ssthresh_bytes", "largest receive window to announce at present, bytes"),
    ("rtt_us", "smoothed round-trip time, microseconds"),
    ("rttvar_us", "its mean deviation, microseconds"),
    ("snd_ssthresh_segs", "slow start ends at this window, segments; 2147483647 for no end"),
    ("snd_cwnd_segs", "congestion window, segments"),
    ("advmss_bytes", "segment size we announced, bytes"),
    ("reordering_segs", "how far segments may overtake each other, segments"),
    ("rcv_rtt_us", "round-trip time as the receiver measures it, microseconds"),
    ("rcv_space_bytes", "bytes that the application read in a round trip"),
    ("total_retrans_segs", "segments sent again, of the whole connection"),
    ("pacing_rate_bytes_per_s", "rate at which packets are spread, bytes per second"),
    ("max_pacing_rate_bytes_per_s", "its limit; 18446744073709551615 for none"),
    ("bytes_acked", "bytes that the peer acknowledged, of the whole connection"),
    ("bytes_received", "bytes received in sequence; a FIN counts as one"),
    ("segs_out", "segments sent"),
    ("segs_in", "segments received"),
    ("notsent_bytes", "bytes written by the application and not sent yet"),
    ("min_rtt_us", "shortest round-trip time of late, microseconds"),
    ("data_segs_in", "segments with data received"),
    ("data_segs_out", "segments with data sent"),
    ("delivery_rate_bytes_per_s", "rate at which data arrived at the peer, bytes per second"),
    ("busy_time_us", "time with data to send, microseconds"),
    ("rwnd_limited_us", "of it, time limited by the peer's window, microseconds"),
    ("sndbuf_limited_us", "of it, time limited by our send buffer, microseconds"),
    ("delivered_segs", "segments delivered, retransmits too"),
    ("delivered_ce_segs", "of these, marked by the path as congestion"),
    ("bytes_sent", "bytes of data sent, retransmits too"),
    ("bytes_retrans", "bytes of data sent again"),
    ("dsack_dups", "segments that the peer had already"),
    ("reord_seen", "times that reordering was seen"),
    ("rcv_ooopack", "segments that arrived out of order"),
    ("snd_wnd_bytes", "window that the peer offers, bytes; 0 stops us"),
    ("rcv_wnd_bytes", "window that we offer, bytes"),
    ("rehash", "times that another path was tried"),
    ("total_rto", "retransmission timeouts, of the whole connection"),
    ("total_rto_recoveries", "times that it recovered from a timeout"),
    ("total_rto_time_ms", "time spent in retransmission timeouts, ms"),
    ("received_ce_segs", "segments that arrived marked as congestion"),
    ("delivered_e1_bytes", "AccECN: bytes delivered as ECT(1)"),
    ("delivered_e0_bytes", "AccECN: bytes delivered as ECT(0)"),
    ("delivered_ce_bytes", "AccECN: bytes delivered marked as congestion"),
    ("received_e1_bytes", "AccECN: bytes received as ECT(1)"),
    ("received_e0_bytes", "AccECN: bytes received as ECT(0)"),
    ("received_ce_bytes", "AccECN: bytes received marked as congestion"),
    ("rmem_alloc_bytes", "memory in the receive queue, bytes"),
    ("rcvbuf_bytes", "limit of the receive buffer, bytes"),
    ("wmem_alloc_bytes", "memory of packets handed to the network, bytes"),
    ("sndbuf_bytes", "limit of the send buffer, bytes"),
    ("fwd_alloc_bytes", "memory set aside for the socket and not used yet, bytes"),
    ("wmem_queued_bytes", "memory in the send queue, bytes"),
    ("optmem_bytes", "memory of options and filters, bytes"),
    ("backlog_bytes", "memory of packets that wait while the socket is locked, bytes"),
    ("drops", "packets dropped at the socket"),
];

/// What a field of the kernel is, with its unit.
pub(super) fn of_kernel_field(name: &str) -> &'static str {
    HELP.iter().find(|(known, _)| *known == name).map_or("a number of the kernel", |(_, help)| help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::inet_diag::MEMORY_FIELDS;
    use crate::kernel::tcp_info;

    #[test]
    fn every_field_has_words_of_its_own_in_the_kernels_order() {
        let info = tcp_info::FIELDS.iter().map(|field| field.name);
        let fields: Vec<&str> = info.chain(MEMORY_FIELDS.iter().map(|field| field.name)).collect();
        let told: Vec<&str> = HELP.iter().map(|(name, _)| *name).collect();
        assert_eq!(told, fields);
        let mut texts: Vec<&str> = HELP.iter().map(|(_, help)| *help).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), HELP.len());
    }

    /// A name that ends in a unit and its words agree.
    #[test]
    fn the_unit_is_said() {
        let units =
            [("_us", "microseconds"), ("_ms", "ms"), ("_bytes", "bytes"), ("_segs", "egment")];
        for (name, help) in HELP {
            if let Some((_, unit)) = units.iter().find(|(end, _)| name.ends_with(end)) {
                let elsewhere = ["delivered_ce_segs", "fackets_segs", "max_pacing_rate"];
                assert!(help.contains(unit) || elsewhere.contains(name), "{name}: {help}");
            }
        }
    }
}
