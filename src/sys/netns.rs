//! Other network namespaces.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fd::AsFd;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The directory in which `ip netns add` keeps namespaces.
const NAMED: &str = "/run/netns";

/// Moves the calling thread into the network namespace that `target` names: a
/// path, a process id, or a name of `ip netns`. Needs `CAP_SYS_ADMIN` in that
/// namespace's user namespace and in our own (`netns_install`).
///
/// # Errors
/// When it does not exist or may not be entered; the text names the file.
pub fn enter(proc_root: &Path, target: &str) -> io::Result<()> {
    let path = path_of(proc_root, target);
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let file = File::open(&path).map_err(named)?;
    let kind = Some(LinkNameSpaceType::Network);
    move_into_link_name_space(file.as_fd(), kind).map_err(|errno| named(errno.into()))
}

fn path_of(proc_root: &Path, target: &str) -> PathBuf {
    if target.contains('/') {
        PathBuf::from(target)
    } else if !target.is_empty() && target.bytes().all(|b| b.is_ascii_digit()) {
        proc_root.join(target).join("ns/net")
    } else {
        Path::new(NAMED).join(target)
    }
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
    }

    #[test]
    fn what_does_not_exist_is_named() {
        let error = enter(Path::new("/proc"), "no-such-namespace").expect_err("there is none");
        assert!(error.to_string().contains("/run/netns/no-such-namespace"));
    }
}
