//! The process groups of the commands that run, so that a signal handler can end
//! them.

use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};

/// The number of commands that can be known at a time.
pub const MOST: usize = 8;

/// Their groups; 0 where there is none.
static GROUPS: [AtomicI32; MOST] = [const { AtomicI32::new(0) }; MOST];

/// A group that is known until this is dropped. To be dropped once the command
/// has ended: its number may become another group's.
#[derive(Debug)]
pub struct KnownGroup(Option<&'static AtomicI32>);

impl Drop for KnownGroup {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            place.store(0, Ordering::Relaxed);
        }
    }
}

/// Remembers a group, as far as there is room.
pub fn remember(group: Pid) -> KnownGroup {
    let group = group.as_raw_nonzero().get();
    let take = |place: &AtomicI32| {
        place.compare_exchange(0, group, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    KnownGroup(GROUPS.iter().find(|place| take(place)))
}

/// Kills every group that is known. A signal handler may call it.
pub fn kill_all() {
    for place in &GROUPS {
        if let Some(group) = Pid::from_raw(place.swap(0, Ordering::Relaxed)) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
