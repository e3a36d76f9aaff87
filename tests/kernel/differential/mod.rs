//! The same sockets as `ss`: rows, states, queues, users, inodes and cookies.
//!
//! `ss` of iproute2 asks the same kernel by other code. Some thousands of sockets of every kind
//! are made in a namespace of their own and listed by both; what they say must be equal row for
//! row. Since a socket may change between two looks, `ss` looks before and after: where it agrees
//! with itself, it must agree with us.

mod compare;
mod ours;
mod population;
pub mod ss;

pub use compare::trials;
