//! The tabs, one file each. A new one is its file and its line here.

mod detail;
mod events;
mod groups;
mod listeners;
mod map;
mod meaning;
mod overview;
mod ports;
mod sockets;

use super::app::TabView;
use super::keys::Keymap;

/// Every tab in its place.
pub const TABS: &[&dyn TabView] = &[
    &overview::OverviewTab,
    &sockets::SocketsTab,
    &listeners::ListenersTab,
    &groups::GroupsTab,
    &events::EventsTab,
    &ports::PortsTab,
    &map::MapTab,
];

fn titles() -> Vec<&'static str> {
    TABS.iter().map(|tab| tab.title()).collect()
}

/// Returns the keys when nobody says otherwise.
pub fn usual_keys() -> Keymap {
    Keymap::usual(&titles())
}

/// Reads the keys of a config file.
///
/// # Errors
/// As [`Keymap::read`].
pub fn read_keys(text: &str) -> Result<Keymap, String> {
    Keymap::read(text, &titles())
}
