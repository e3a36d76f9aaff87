//! Floor 1: what the kernel's records mean. Pure: no I/O, no clock.

pub mod state;

pub mod address;
pub mod proto;

pub mod socket;
pub mod want;

mod from_kernel;

pub mod facts;

pub mod row;

pub mod queues;
pub mod standing;

pub mod age;

pub mod table;

pub mod conn;

pub mod listener;
pub mod snapshot;

pub mod escape;
pub mod human;
pub mod units;
pub mod vocabulary;

mod counter;
pub mod gap;
pub mod hash;
pub mod host;
pub mod owner;
pub mod ports;
mod sysctl;
pub mod unit;

pub mod identity;
pub mod lifecycle;
pub mod moment;
pub mod transition;
