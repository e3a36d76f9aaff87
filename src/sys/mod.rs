//! Floor 2b, the hands: every system call of the program.

pub mod capability;
pub mod cgroups;
pub mod clock;
pub mod names;
pub mod netlink;
pub mod netns;
pub mod owners;
pub mod processes;
pub mod procfs;
pub mod users;
