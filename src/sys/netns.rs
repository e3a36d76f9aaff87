//! Other network namespaces: what belongs to one is opened there, by a thread
//! that enters it and ends.
//!
//! A socket stays in the namespace in which it was made, and an open file of
//! `/proc/net` in that of the thread that opened it. So nothing else needs to
//! be there: commands, names, output and the service manager stay at home.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, open, statfs};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::rights::{self, Purpose};

/// `NSFS_MAGIC` of include/uapi/linux/magic.h.
const NSFS_MAGIC: rustix::fs::FsWord = 0x6e73_6673;

/// Where `ip netns add` keeps namespaces.
const NAMED: &str = "/run/netns";

/// The namespace that is looked into, where it is not our own.
static WATCHED: OnceLock<OwnedFd> = OnceLock::new();

/// From now on looks into the network namespace that `target` names: a path, a
/// process id, or a name of `ip netns`. Needs `CAP_SYS_ADMIN` in that
/// namespace's user namespace and in our own (`netns_install`).
///
/// # Errors
/// When it does not exist or may not be entered; the text names the file.
pub fn look_into(proc_root: &Path, target: &str) -> io::Result<()> {
    let path = path_of(proc_root, target);
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let namespace = open_namespace(proc_root, target, &path).map_err(named)?;
    in_namespace(&namespace, || ()).map_err(named)?;
    WATCHED.set(namespace).map_err(|_| named(io::Error::other("another one is looked into")))
}

/// Runs `work` in the namespace that is looked into: on a thread that enters it
/// and ends, or on this one where it is our own.
///
/// # Errors
/// When it cannot be entered.
pub fn inside<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    match WATCHED.get() {
        None => Ok(work()),
        Some(namespace) => in_namespace(namespace, work),
    }
}

fn in_namespace<T: Send>(namespace: &OwnedFd, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let visit = thread::Builder::new().name("netns".into()).spawn_scoped(scope, || {
            enter(namespace)?;
            Ok(work())
        })?;
        visit.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn enter(namespace: &OwnedFd) -> io::Result<()> {
    let _raised = rights::raise(Purpose::Namespace);
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// Opens a namespace, and nothing else: a FIFO would wait, a device act. A path
/// is the user's and opened with the user's permissions; that of a process is
/// the kernel's.
fn open_namespace(proc_root: &Path, target: &str, path: &Path) -> io::Result<OwnedFd> {
    let of_process = process_of(proc_root, target).is_some();
    let _raised = of_process.then(|| rights::raise_for_proc(proc_root));
    if statfs(path)?.f_type != NSFS_MAGIC {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no namespace"));
    }
    Ok(open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?)
}

fn path_of(proc_root: &Path, target: &str) -> PathBuf {
    if let Some(pid) = process_of(proc_root, target) {
        proc_root.join(pid).join("ns/net")
    } else if target.contains('/') {
        PathBuf::from(target)
    } else {
        Path::new(NAMED).join(target)
    }
}

/// The process that a target names: by its number, or by the path of its
/// namespace.
fn process_of<'t>(proc_root: &Path, target: &'t str) -> Option<&'t str> {
    let below = Path::new(target).strip_prefix(proc_root).ok().and_then(Path::to_str);
    let pid = below.and_then(|below| below.strip_suffix("/ns/net")).unwrap_or(target);
    (!pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit())).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_path_a_process_or_a_name() {
        let path = |target| path_of(Path::new("/proc"), target);
        assert_eq!(path("/run/netns/x"), Path::new("/run/netns/x"));
        assert_eq!(path("812"), Path::new("/proc/812/ns/net"));
        assert_eq!(path("web"), Path::new("/run/netns/web"));
        let process = |target| process_of(Path::new("/proc"), target);
        assert_eq!(process("/proc/812/ns/net"), Some("812"));
        for other in ["/proc/self/ns/net", "/proc/8/../7/ns/net", "/tmp/812/ns/net", "web", ""] {
            assert_eq!(process(other), None, "{other}");
        }
    }

    #[test]
    fn what_does_not_exist_is_named() {
        let error = look_into(Path::new("/proc"), "no-such-namespace").expect_err("there is none");
        assert!(error.to_string().contains("/run/netns/no-such-namespace"));
    }

    #[test]
    fn what_is_no_namespace_is_not_even_opened() {
        for path in ["/dev/zero", "/proc/self/status", "/"] {
            let error = look_into(Path::new("/proc"), path).expect_err("it is none");
            assert!(error.to_string().ends_with("it is no namespace"), "{error}");
        }
    }
}
