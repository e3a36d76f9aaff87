//! Facts about one process, read when someone asks for them.

use procfs::ProcError;
use procfs::process::{LimitValue, Process};
use std::path::Path;

use super::rights;

/// The soft limit on open descriptors (`RLIMIT_NOFILE`) of a process:
/// `Ok(None)` when there is none, an error when it cannot be read.
///
/// Everyone may read `/proc/PID/limits` (fs/proc/base.c gives it mode 0444)
/// unless `hidepid` is in force. The kernel lets nobody raise this limit above
/// `fs.nr_open`, so "unlimited" is not to be expected.
pub fn max_open_files(proc_root: &Path, pid: u32) -> Result<Option<u64>, ProcError> {
    let _raised = rights::raise_for_proc(proc_root);
    let limits = Process::new_with_root(proc_root.join(pid.to_string()))?.limits()?;
    Ok(match limits.max_open_files.soft_limit {
        LimitValue::Value(files) => Some(files),
        LimitValue::Unlimited => None,
    })
}

/// Tells whether a descriptor of a process is the socket with an inode.
pub fn holds(proc_root: &Path, pid: u32, fd: u32, inode: u32) -> bool {
    let _raised = rights::raise_for_proc(proc_root);
    let link = std::fs::read_link(proc_root.join(format!("{pid}/fd/{fd}")));
    link.is_ok_and(|link| link.as_os_str() == format!("socket:[{inode}]").as_str())
}

/// Returns the arguments of a process as it was started, or as it has rewritten them.
pub fn command_line(proc_root: &Path, pid: u32) -> Result<Vec<String>, ProcError> {
    let _raised = rights::raise_for_proc(proc_root);
    Process::new_with_root(proc_root.join(pid.to_string()))?.cmdline()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn knows_our_own_limit() {
        let ours = max_open_files(Path::new("/proc"), std::process::id()).expect("readable");
        assert_eq!(ours, getrlimit(Resource::Nofile).current);
    }

    #[test]
    fn unreadable_is_not_unlimited() {
        assert!(max_open_files(Path::new("/proc"), u32::MAX).is_err());
    }
}
