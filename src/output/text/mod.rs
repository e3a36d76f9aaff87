//! Text for people, and for `awk`.

mod check;
mod count;
pub mod details;
mod events;
mod gaps;
mod listeners;
mod sockets;
mod status;

pub use check::check;
pub use count::count;
pub use events::{Pen, summary, transition};
pub use gaps::gaps;
pub use listeners::listeners;
pub use sockets::{Layout, Sockets};
pub use status::{Heading, status};
