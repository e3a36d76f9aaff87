//! The list of all rules: a line for each file of `catalogue/`.

use super::rule::Rule;

/// Declares the modules of rules and collects what they are.
macro_rules! catalogue {
    ($(mod $rule:ident;)*) => {
        $(mod $rule;)*

        /// Lists every rule of the catalogue.
        pub static RULES: &[Rule] = &[$($rule::RULE),*];
    };
}

catalogue! {
    mod accept_queue_overflow;
    mod accept_stall;
    mod close_wait_leak;
    mod syn_queue_full;
    mod time_wait_flood;
    mod port_exhaustion;
    mod fin_wait1_stuck;
    mod fin_wait2_stuck;
    mod last_ack_stuck;
    mod closing_stuck;
    mod syn_sent_stuck;
    mod retransmit_stall;
    mod zero_window_stall;
    mod recv_queue_stuck;
    mod send_queue_stuck;
    mod udp_drops;
    mod unix_queue_full;
    mod self_connect;
    mod orphan_pressure;
    mod tcp_memory;
    mod dead_fd_leak;
}

/// Returns the rule of an id.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}
