//! Capabilities of this thread.

use rustix::thread::{CapabilitySet, capabilities};

/// Tells whether `CAP_NET_ADMIN` is in force: the kernel then shows marks and lets
/// sockets be destroyed. It is judged in our own user namespace here; a network
/// namespace that belongs to another one still refuses.
pub fn net_admin() -> bool {
    has(CapabilitySet::NET_ADMIN)
}

/// Tells whether the descriptors of every process can be listed and read, as far as
/// privilege goes.
pub fn sees_all_owners() -> bool {
    has(CapabilitySet::DAC_READ_SEARCH | CapabilitySet::SYS_PTRACE)
}

fn has(wanted: CapabilitySet) -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(wanted))
}
