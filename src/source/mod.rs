//! Sources of rows: sock_diag, or `/proc/net` where that cannot serve.

mod choice;
pub mod file;
mod live;
mod netlink;
mod parallel;
mod proc;
mod reading;
mod record;
mod report;

pub use choice::{Choice, Shortcuts};
pub use live::Live;
pub use netlink::{ExactAnswer, by_ends, exact, exactly, inet_id};
pub use reading::Sink;
pub use record::record;
pub use report::{Report, Served, SourceError};
