//! The list of all rules.

use super::{
    Rule, accept_queue_overflow, accept_stall, close_wait_leak, closing_stuck, dead_fd_leak,
    fin_wait1_stuck, fin_wait2_stuck, last_ack_stuck, orphan_pressure, port_exhaustion,
    recv_queue_stuck, retransmit_stall, self_connect, send_queue_stuck, syn_queue_full,
    syn_sent_stuck, tcp_memory, time_wait_flood, udp_drops, unix_queue_full, zero_window_stall,
};

/// Every rule of the catalogue.
pub static RULES: &[Rule] = &[
    accept_queue_overflow::RULE,
    accept_stall::RULE,
    close_wait_leak::RULE,
    syn_queue_full::RULE,
    time_wait_flood::RULE,
    port_exhaustion::RULE,
    fin_wait1_stuck::RULE,
    fin_wait2_stuck::RULE,
    last_ack_stuck::RULE,
    closing_stuck::RULE,
    syn_sent_stuck::RULE,
    retransmit_stall::RULE,
    zero_window_stall::RULE,
    recv_queue_stuck::RULE,
    send_queue_stuck::RULE,
    udp_drops::RULE,
    unix_queue_full::RULE,
    self_connect::RULE,
    orphan_pressure::RULE,
    tcp_memory::RULE,
    dead_fd_leak::RULE,
];

/// The rule of an id.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}
