//! The tabs, and what the groups of one can be by.

use crate::group::Key;

/// The screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Counts, alerts, offenders, limits.
    Overview,
    /// Every socket.
    Sockets,
    /// Accept queues.
    Listeners,
    /// Counts by a key and state.
    Groups,
    /// The log of transitions.
    Events,
    /// Budgets of ephemeral ports.
    Ports,
    /// The diagram of TCP's states.
    Map,
}

/// Every tab with its name.
pub const TABS: [(Tab, &str); 7] = [
    (Tab::Overview, "Overview"),
    (Tab::Sockets, "Sockets"),
    (Tab::Listeners, "Listeners"),
    (Tab::Groups, "Groups"),
    (Tab::Events, "Events"),
    (Tab::Ports, "Ports"),
    (Tab::Map, "Map"),
];

/// What the groups can be by, in the order of the key that changes it.
pub const GROUP_KEYS: [Key; 8] = [
    Key::Process,
    Key::Unit,
    Key::Cgroup,
    Key::Remote,
    Key::LocalPort,
    Key::RemotePort,
    Key::State,
    Key::Netns,
];

impl Tab {
    /// Whether the filter decides what it shows.
    pub fn is_filtered(self) -> bool {
        matches!(self, Self::Sockets | Self::Listeners | Self::Groups | Self::Events)
    }

    /// Whether it can show only what an alert is about.
    pub fn has_faults(self) -> bool {
        matches!(self, Self::Sockets | Self::Listeners | Self::Groups)
    }

    /// Its place among [`TABS`].
    pub fn index(self) -> usize {
        TABS.iter().position(|(tab, _)| *tab == self).unwrap_or(0)
    }
}
