//! The kernel's directory of trace events, wherever it is.
//!
//! A mounted tracefs is used where there is one. Otherwise it is reached
//! through a mount of our own that no mount table shows and that ends with its
//! descriptor.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{CWD, Mode, OFlags, fstatfs, openat};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

use crate::kernel::trace_format::TraceFormat;
use crate::kernel::tracepoint::Tracepoint;

use super::perf_error::TraceError;
use super::rights::{self, Purpose};

/// `TRACEFS_MAGIC` of include/uapi/linux/magic.h.
const TRACEFS_MAGIC: rustix::fs::FsWord = 0x7472_6163;

/// An open tracefs.
#[derive(Debug)]
pub struct Tracefs {
    root: OwnedFd,
    /// The place where it is mounted; absent where only this process has it.
    mounted_at: Option<PathBuf>,
}

impl Tracefs {
    /// Finds it by the mounts of this process, else reaches for it unmounted.
    pub fn open() -> Result<Self, TraceError> {
        let mounts = std::fs::read_to_string("/proc/thread-self/mounts").unwrap_or_default();
        let mounted_at = find_mount(&mounts);
        let mounted = mounted_at.as_ref().map(|path| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let _raised = rights::raise(Purpose::TraceFiles);
            let root = openat(CWD, path, flags, Mode::empty())?;
            // Nothing else is read with rights, whatever is mounted there by now.
            let is_real = fstatfs(&root)?.f_type == TRACEFS_MAGIC;
            if is_real { Ok(root) } else { Err(Errno::NOENT) }
        });
        let error = match mounted {
            Some(Ok(root)) => return Ok(Self { root, mounted_at }),
            // Hidden below another mount, or debugfs without it.
            Some(Err(error)) => Some(error),
            None => None,
        };
        match Self::open_detached() {
            Ok(root) => Ok(Self { root, mounted_at: None }),
            Err(detached) => {
                let error = error.unwrap_or(detached).into();
                Err(TraceError::Tracefs { mounted_at, error })
            }
        }
    }

    /// Makes a mount that is attached nowhere (Linux 5.2); needs `CAP_SYS_ADMIN`.
    fn open_detached() -> rustix::io::Result<OwnedFd> {
        let _raised = rights::raise(Purpose::Mount);
        let context = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&context)?;
        let read_only = MountAttrFlags::MOUNT_ATTR_RDONLY;
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, read_only)
    }

    /// Returns the layout of a tracepoint's samples; `None` where this kernel does not
    /// have the tracepoint.
    pub fn format(&self, tracepoint: Tracepoint) -> Result<Option<TraceFormat>, TraceError> {
        let (group, name) = tracepoint.path();
        match self.read(&format!("events/{group}/{name}/format")) {
            Ok(text) => TraceFormat::parse(&text)
                .map(Some)
                .ok_or(TraceError::Format { tracepoint, missing: "ID" }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(TraceError::Tracefs { mounted_at: self.mounted_at.clone(), error }),
        }
    }

    fn read(&self, path: &str) -> io::Result<String> {
        let _raised = rights::raise(Purpose::TraceFiles);
        let fd = openat(&self.root, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut text = String::new();
        File::from(fd).read_to_string(&mut text)?;
        Ok(text)
    }
}

/// Finds where `/proc/PID/mounts` has tracefs; failing that, debugfs, which mounts it
/// on its `tracing` directory when that is entered (`trace_automount`).
fn find_mount(mounts: &str) -> Option<PathBuf> {
    let of_type = |wanted: &str, below: &str| {
        mounts.lines().find_map(|line| {
            let mut words = line.split(' ').skip(1);
            let (path, kind) = (words.next()?, words.next()?);
            (kind == wanted).then(|| PathBuf::from(unescape(path) + below))
        })
    };
    of_type("tracefs", "").or_else(|| of_type("debugfs", "/tracing"))
}

/// Undoes the kernel's `\040` for a space and its like (`mangle_path`).
fn unescape(path: &str) -> String {
    let mut plain = String::new();
    let mut rest = path;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let (character, used) = code.map_or(('\\', 1), |code| (char::from(code), 4));
        plain.push(character);
        rest = &rest[at + used..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_tracefs_is_found_wherever_it_is() {
        let found = |mounts: &str| find_mount(mounts).map(|path| path.display().to_string());
        let debugfs = "debugfs /sys/kernel/debug debugfs rw 0 0\n";
        assert_eq!(found(debugfs).as_deref(), Some("/sys/kernel/debug/tracing"));
        let odd = "proc /proc proc rw 0 0\ntracefs /mnt/a\\040b\\134c tracefs rw 0 0\n";
        assert_eq!(found(&format!("{debugfs}{odd}")).as_deref(), Some("/mnt/a b\\c"));
        assert_eq!(found("tmpfs /tracefs tmpfs rw 0 0\nbroken\n\n"), None);
        assert_eq!(unescape("a\\"), "a\\");
        assert_eq!(unescape("a\\9"), "a\\9");
    }
}
