//! What this thread is allowed to do.

use rustix::thread::{CapabilitySet, capabilities};

/// Whether `CAP_NET_ADMIN` is in force: the kernel then shows marks and lets
/// sockets be destroyed. It is judged in our own user namespace here; a network
/// namespace that belongs to another one still refuses.
pub fn net_admin() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::NET_ADMIN))
}
