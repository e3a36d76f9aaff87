//! Control groups by the id a socket carries.
//!
//! `INET_DIAG_CGROUP_ID` is `cgroup_id()` of the cgroup2 group the socket was
//! made in (`inet_diag_msg_attrs_fill()` in net/ipv4/inet_diag.c): the inode
//! number of its directory, which the kernel shows to everyone. Groups that
//! have been removed since, or lie outside our cgroup namespace, have no path.

use procfs::process::MountInfo;
use rustc_hash::FxHashMap;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir, fstat, openat};
use rustix::io::Errno;
use std::fs;
use std::path::{Path, PathBuf};

/// The paths of all cgroup2 groups at one moment.
#[derive(Debug)]
pub struct Cgroups {
    paths: FxHashMap<u64, String>,
    mount: Result<PathBuf, String>,
}

impl Cgroups {
    /// Walks the cgroup2 hierarchy once, wherever it is mounted (on hosts that
    /// also use version 1 that is often `/sys/fs/cgroup/unified`).
    pub fn load(proc_root: &Path) -> Self {
        let mut paths = FxHashMap::default();
        let mount = find_mount(proc_root).and_then(|mount| {
            walk(&mount, &mut paths)
                .map_err(|errno| format!("cannot list {}: {errno}", mount.point.display()))?;
            Ok(mount.point)
        });
        Self { paths, mount }
    }

    /// Returns the path of a group in the hierarchy, such as
    /// `/system.slice/api.service`; the root is `/`. Bytes that are not UTF-8
    /// are replaced. `None` for a group that was not there when this was
    /// loaded.
    pub fn path(&self, id: u64) -> Option<&str> {
        self.paths.get(&id).map(String::as_str)
    }

    /// Returns the id of the group at a path, as [`Cgroups::path`] gives it.
    pub fn id(&self, path: &str) -> Option<u64> {
        self.paths.iter().find(|(_, known)| *known == path).map(|(id, _)| *id)
    }

    /// Returns where the hierarchy is mounted, or why there are no paths at all (a
    /// sentence without a full stop).
    pub fn mount(&self) -> Result<&Path, &str> {
        self.mount.as_deref().map_err(String::as_str)
    }
}

struct Mount {
    point: PathBuf,
    /// Path of the mounted group in the hierarchy; empty for the root.
    prefix: Vec<u8>,
}

fn find_mount(proc_root: &Path) -> Result<Mount, String> {
    let path = proc_root.join("self/mountinfo");
    let text =
        fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mounts: Vec<_> = text
        .split(|&byte| byte == b'\n')
        // A line procfs cannot parse must not cost us the others.
        .filter_map(|line| MountInfo::from_line(std::str::from_utf8(line).ok()?).ok())
        .filter(|mount| mount.fs_type == "cgroup2")
        .collect();
    // A container can have a part of the tree mounted besides the whole.
    let mount = mounts
        .iter()
        .find(|mount| mount.root == "/")
        .or(mounts.first())
        .ok_or("no cgroup2 file system is mounted")?;
    // `/../..`: mounted above the root of our namespace; what lies between has
    // no name here (`cgroup_show_path()` in kernel/cgroup/cgroup.c).
    let prefix = if mount.root.starts_with("/..") { "" } else { mount.root.trim_end_matches('/') };
    Ok(Mount { point: mount.mount_point.clone(), prefix: prefix.into() })
}

fn walk(mount: &Mount, paths: &mut FxHashMap<u64, String>) -> Result<(), Errno> {
    let root = open_directory(CWD, &mount.point)?;
    let mut buffer = Vec::with_capacity(32 * 1024);
    // Paths below the mount, each with its leading slash.
    let mut pending = vec![Vec::new()];
    while let Some(path) = pending.pop() {
        let relative = path.strip_prefix(b"/").unwrap_or(b".");
        // Groups come and go, and a single one we may not list is no loss.
        let Ok(directory) = open_directory(&root, relative) else { continue };
        if let Ok(stat) = fstat(&directory) {
            let full = [mount.prefix.as_slice(), &path].concat();
            let full = if full.is_empty() { b"/".into() } else { full };
            paths.insert(stat.st_ino, String::from_utf8_lossy(&full).into_owned());
        }
        let mut entries = RawDir::new(&directory, buffer.spare_capacity_mut());
        while let Some(Ok(entry)) = entries.next() {
            let name = entry.file_name().to_bytes();
            if entry.file_type() == FileType::Directory && name != b"." && name != b".." {
                pending.push([&path, b"/".as_slice(), name].concat());
            }
        }
    }
    Ok(())
}

fn open_directory<P: rustix::path::Arg>(
    at: impl rustix::fd::AsFd,
    path: P,
) -> Result<OwnedFd, Errno> {
    openat(at, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    /// A `/proc` with our own mountinfo, and a cgroup tree, removed at the end.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str, mountinfo: &[&str]) -> Self {
            let path = std::env::temp_dir()
                .join(format!("sockstate-cgroups-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            let tree = Self(path);
            for directory in ["proc/self", "cg/system.slice/api.service/worker", "cg/init.scope"] {
                fs::create_dir_all(tree.0.join(directory)).expect("temp dir");
            }
            fs::write(tree.0.join("cg/cgroup.procs"), "1\n").expect("a file is no group");
            let lines = mountinfo.join("\n").replace("TREE", &tree.0.to_string_lossy());
            fs::write(tree.0.join("proc/self/mountinfo"), lines).expect("mountinfo");
            tree
        }

        fn load(&self) -> Cgroups {
            Cgroups::load(&self.0.join("proc"))
        }

        fn id(&self, directory: &str) -> u64 {
            fs::metadata(self.0.join(directory)).expect("directory").ino()
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const PROC: &str = "22 27 0:21 / /proc rw,relatime - proc proc rw";
    const V1: &str = "33 31 0:30 / TREE/proc rw,relatime shared:9 - cgroup cgroup rw,cpu";

    #[test]
    fn names_every_group_of_a_hybrid_host() {
        let v2 =
            "41 31 0:38 / TREE/cg rw,nosuid shared:11 master:2 - cgroup2 cgroup2 rw,nsdelegate";
        let tree = Tree::new("hybrid", &[PROC, V1, "nonsense", v2, ""]);
        let groups = tree.load();
        assert_eq!(groups.mount(), Ok(tree.0.join("cg").as_path()));
        assert_eq!(groups.path(tree.id("cg")), Some("/"));
        assert_eq!(groups.path(tree.id("cg/init.scope")), Some("/init.scope"));
        let worker = tree.id("cg/system.slice/api.service/worker");
        assert_eq!(groups.path(worker), Some("/system.slice/api.service/worker"));
        assert_eq!(groups.path(tree.id("cg/cgroup.procs")), None);
        assert_eq!(groups.path(tree.id("proc")), None);
        assert_eq!(groups.path(0), None);
    }

    #[test]
    fn a_part_of_the_tree_keeps_its_place_in_it() {
        let part = "41 31 0:38 /docker/ab12 TREE/cg ro - cgroup2 cgroup rw";
        let tree = Tree::new("part", &[part]);
        let groups = tree.load();
        assert_eq!(groups.path(tree.id("cg")), Some("/docker/ab12"));
        assert_eq!(groups.path(tree.id("cg/init.scope")), Some("/docker/ab12/init.scope"));

        // The whole is preferred, also behind a part.
        let whole = "42 31 0:38 / TREE/cg/system.slice rw - cgroup2 cgroup rw";
        let tree = Tree::new("whole", &[part, whole]);
        assert_eq!(tree.load().path(tree.id("cg/system.slice/api.service")), Some("/api.service"));

        let above = "41 31 0:38 /../.. TREE/cg rw - cgroup2 cgroup2 rw";
        let tree = Tree::new("above", &[above]);
        assert_eq!(tree.load().path(tree.id("cg/init.scope")), Some("/init.scope"));
    }

    #[test]
    fn an_empty_table_says_why() {
        let tree = Tree::new("v1", &[PROC, V1]);
        assert_eq!(tree.load().mount(), Err("no cgroup2 file system is mounted"));
        assert_eq!(tree.load().path(1), None);

        let tree = Tree::new("gone", &["41 31 0:38 / TREE/none rw - cgroup2 cgroup2 rw"]);
        let groups = tree.load();
        assert!(groups.mount().expect_err("no directory").contains("/none: "), "{groups:?}");

        let groups = Cgroups::load(&tree.0);
        assert!(groups.mount().expect_err("no file").contains("self/mountinfo: "), "{groups:?}");
    }

    #[test]
    fn knows_the_root_of_the_real_hierarchy() {
        let groups = Cgroups::load(Path::new("/proc"));
        if let Ok(mount) = groups.mount() {
            let root = fs::metadata(mount).expect("mounted").ino();
            assert_eq!(groups.path(root).map(|path| path.starts_with('/')), Some(true));
        }
    }
}
