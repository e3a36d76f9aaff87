//! JSON, the contract with scripts: docs/json.md describes it, the schema in
//! docs/ is generated from these types and both are tested against real output.
//!
//! Numbers are numbers. What is not known is absent, so a zero was said by the
//! kernel. The shapes may grow, they do not change.

mod alerts;
mod check;
mod compact;
mod count;
mod details;
mod events;
mod explain;
mod listeners;
mod parts;
mod ports;
mod schema;
mod socket;
mod sockets;
mod status;
mod table;

pub use check::{alert_event, check};
pub use count::count;
pub use events::{gap, summary, transition, unknown};
pub use explain::{explain, topics};
pub use listeners::listeners;
pub use ports::ports;
pub use schema::schema;
pub use socket::DetailsJson;
pub use sockets::{Changes, SocketsJson};
pub use status::status;
pub use table::table;
