//! Floor 2b, the hands: every system call of the program.

pub mod capability;
pub mod cgroups;
pub mod clock;
pub mod destroy;
pub mod memory;
pub mod names;
pub mod netlink;
pub mod netns;
pub mod notify;
pub mod owners;
pub mod perf;
pub mod perf_cpu;
pub mod perf_error;
pub mod perf_event;
pub mod perf_gap;
pub mod perf_ring_map;
pub mod processes;
pub mod procfs;
pub mod service;
pub mod signal;
pub mod sockfs;
pub mod stdout;
pub mod tcp_census;
pub mod tracefs;
pub mod users;
