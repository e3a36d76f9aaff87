//! `struct mptcp_info` (`include/uapi/linux/mptcp.h`, `mptcp_diag_fill_info`).

use super::layout::{LayoutField, byte, long, word};

/// The connection's local token: its subflows carry it too.
pub const TOKEN: LayoutField = word("token", 12);

/// Every field, in the kernel's order.
pub const FIELDS: &[LayoutField] = &[
    byte("subflows", 0),
    byte("add_addr_signal", 1),
    byte("add_addr_accepted", 2),
    byte("subflows_max", 3),
    byte("add_addr_signal_max", 4),
    byte("add_addr_accepted_max", 5),
    word("flags", 8),
    TOKEN,
    long("write_seq", 16),
    long("snd_una", 24),
    long("rcv_nxt", 32),
    byte("local_addr_used", 40),
    byte("local_addr_max", 41),
    byte("csum_enabled", 42),
    word("retransmits", 44),
    long("bytes_retrans", 48),
    long("bytes_sent", 56),
    long("bytes_received", 64),
    long("bytes_acked", 72),
    byte("subflows_total", 80),
    byte("endp_laminar_max", 81),
    byte("endp_fullmesh_max", 82),
    word("last_data_sent_ms", 84),
    word("last_data_recv_ms", 88),
    word("last_ack_recv_ms", 92),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_overlap() {
        for pair in FIELDS.windows(2) {
            assert!(pair[0].span().1 <= pair[1].span().0, "{}", pair[1].name);
        }
    }
}
