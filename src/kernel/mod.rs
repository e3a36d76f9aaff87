//! Floor 0: what the kernel writes and reads, as bytes, text and plain records.
//!
//! Nothing here performs I/O, reads a clock or allocates for a row. Decoders
//! never panic and never lose a row for an attribute that is unknown, short or
//! missing: they return what is there.
#![forbid(unsafe_code)]

pub mod netlink;
pub mod request;

pub mod inet_diag;
pub mod tcp_info;
pub mod unix_diag;

pub mod destroy;
pub mod perf_ring;
pub mod trace_format;
pub mod tracepoint;

pub mod counters;
pub mod proc_net;
