//! A directory for a test's files, which goes away with its owner.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// An empty directory; removed, with what is in it by then, on drop.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes a directory under a name that is still free.
    pub fn new() -> io::Result<TempDir> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            // Short, for it must leave room in the 108 bytes of a unix socket's address; and not
            // below target/, which may belong to another user than the one who runs the tests.
            let path = std::env::temp_dir().join(format!("sockstate-{}-{number}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(TempDir(path)),
                // A run that was killed left it, and had the process id that we have now.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // Nothing sensible can be done about a failure here.
        let _ = fs::remove_dir_all(&self.0);
    }
}
