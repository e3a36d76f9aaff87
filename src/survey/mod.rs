//! The look that rules judge: counts of everything, rows only of what may be
//! wrong.

mod dead_fds;
mod first_look;
mod glance;
mod listeners;
mod ports;
mod scope;
mod second_look;
mod tally;

pub use dead_fds::dead_fds;
pub use first_look::FirstLook;
pub use listeners::{ListenersView, listeners};
pub use ports::{Numbers, Openers, PortsView, bound_by_number, ports};
pub use scope::LookScope;
pub use second_look::{Owned, search_owners, second_look};
pub use tally::{Tally, Top, TopKind};
