//! What is asked of this machine: rows of its tables, the owners of sockets,
//! parameters and counters.

mod owner_cache;
mod owners;
mod tables;

pub use owner_cache::OwnerCache;
pub use owners::{owner_gap, sockets_of};
pub use tables::{Kept, Machine};
