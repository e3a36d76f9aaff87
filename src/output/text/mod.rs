//! Text for people, and for `awk`.

mod check;
mod count;
pub mod details;
mod events;
mod explain;
mod gaps;
mod listeners;
mod ports;
mod sockets;
mod status;

pub use check::check;
pub use count::count;
pub use events::{Pen, summary, transition};
pub use explain::{explain, topics};
pub use gaps::gaps;
pub use listeners::listeners;
pub use ports::{PortsLayout, ports};
pub use sockets::{Layout, Sockets};
pub use status::{Heading, status};
