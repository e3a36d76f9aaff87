//! Floor 0: what the kernel writes and reads, as bytes, text and plain records.
//!
//! Nothing here performs I/O, reads a clock or allocates for a row. Decoders
//! never panic and never lose a row for an attribute that is unknown, short or
//! missing: they return what is there.
#![forbid(unsafe_code)]

pub mod netlink;
pub mod request;

pub mod layout;

pub mod bytecode;
pub mod congestion;
pub mod inet_diag;
pub mod mptcp_info;
pub mod netlink_diag;
pub mod packet_diag;
pub mod tcp_info;
pub mod ulp;
pub mod unix_diag;
pub mod vsock_diag;

pub mod dump_file;

pub mod destroy;
pub mod perf_ring;
pub mod trace_format;
pub mod tracepoint;

pub mod counters;
pub mod proc_net;
pub mod proc_other;
