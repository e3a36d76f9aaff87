//! Text for people, and for `awk`.

mod check;
mod count;
pub mod details;
mod events;
mod explain;
mod gaps;
mod layout;
mod listeners;
mod not_judged;
mod ports;
mod sockets;
mod status;

pub use check::check;
pub use count::count;
pub use details::all_details;
pub use events::{Pen, summary, transition};
pub use explain::{explain, topics};
pub use gaps::gaps;
pub use layout::{Detail, DetailsPlace, Layout, TextColumn};
pub use listeners::{listeners, waiting};
pub use not_judged::not_judged;
pub use ports::{PortsLayout, ports};
pub use sockets::{SocketsText, accept_queue};
pub use status::{Heading, status};
