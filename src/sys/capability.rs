//! The capabilities that this program has when it raises its rights.

use super::rights::{Purpose, are_permitted};

/// Tells whether the kernel shows marks and lets sockets be destroyed. It is judged
/// in our own user namespace here; a network namespace that belongs to another
/// one still refuses.
pub fn net_admin() -> bool {
    are_permitted(Purpose::Netlink)
}

/// Tells whether the descriptors of every process can be listed and read, as far as
/// privilege goes.
pub fn sees_all_owners() -> bool {
    are_permitted(Purpose::Owners)
}
