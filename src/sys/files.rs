//! Files that users name: read with nothing but the user's own permissions,
//! never anything that waits, acts or does not end; written beside and renamed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, Stat, fstat, makedev, open, openat, readlinkat,
    renameat, renameat_with, stat, statat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::signal;

/// The name that stands for standard input or output.
pub const STANDARD: &str = "-";

/// The most that is read of a file of settings, of a filter, of a time zone.
pub const SMALL: u64 = 1 << 20;

/// The most that is read of a recorded dump: some five million sockets.
pub const DUMP: u64 = 4 << 30;

/// Bytes that are read at a time.
const CHUNK: usize = 256 << 10;

/// The time between two looks for a signal while nothing comes.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// The number of links that one name may lead through, as in the kernel.
const MOST_LINKS: u32 = 40;

/// Reads what a user named, at most `most` bytes: a regular file, or standard
/// input for `-`.
///
/// # Errors
/// When it cannot be read, is of another kind or larger. The text does not
/// quote it.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if path == Path::new(STANDARD) {
        // Not through the standard library's buffer, which cannot be waited for.
        return read_all(&mut File::from(io::stdin().as_fd().try_clone_to_owned()?), most);
    }
    read_all(&mut open_regular(path)?, most)
}

/// Reads the same as text.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// Returns the user whose permissions count here.
pub fn own_user() -> u32 {
    geteuid().as_raw()
}

/// Returns who owns a file that would be read.
///
/// # Errors
/// When it does not exist or may not be looked at.
pub fn owner(path: &Path) -> io::Result<u32> {
    Ok(stat(path)?.st_uid)
}

fn open_regular(path: &Path) -> io::Result<File> {
    // Before it is opened: to open a device may act. Once more after that, for
    // it may have become another one.
    must_be_readable(&stat(path)?)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = open(path, flags, Mode::empty())?;
    must_be_readable(&fstat(&file)?)?;
    Ok(file.into())
}

/// Takes a regular file, or `/dev/null`, by which everybody names an empty one.
fn must_be_readable(found: &Stat) -> io::Result<()> {
    let kind = FileType::from_raw_mode(found.st_mode);
    if kind == FileType::CharacterDevice && found.st_rdev == makedev(1, 3) {
        return Ok(());
    }
    must_be_regular(found)
}

fn must_be_regular(found: &Stat) -> io::Result<()> {
    let is = match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "a directory",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::Symlink => "a symbolic link",
        _ => "a device",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {is}, no regular file")))
}

/// Reads to the end, unless a signal asks us to end before.
fn read_all(from: &mut File, most: u64) -> io::Result<Vec<u8>> {
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    loop {
        wait_for(from)?;
        match from.read(&mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(count) => bytes.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if bytes.len() as u64 > most {
            let text = format!("it is longer than {most} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
    }
}

/// Waits until there is something to read.
fn wait_for(file: &File) -> io::Result<()> {
    loop {
        if signal::asked_to_end() {
            return Err(io::Error::other("a signal asked to end"));
        }
        let mut fds = [PollFd::new(file, PollFlags::IN)];
        match poll(&mut fds, Some(&LOOK)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// The fate of a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// A regular file of ours is replaced.
    Replace,
    /// It stays, and there is an error.
    Keep,
}

/// A file that gets its name when it is whole: it is written beside under
/// another name, readable by its owner alone, and gone if nothing comes of it.
#[derive(Debug)]
pub struct NewFile {
    directory: OwnedFd,
    name: OsString,
    beside: OsString,
    existing: Existing,
    file: File,
    is_done: bool,
}

impl NewFile {
    /// Begins a file. What is no regular file is never replaced and no symbolic
    /// link followed that another user could have laid.
    ///
    /// # Errors
    /// When the name cannot be written to.
    pub fn create(path: &Path, existing: Existing) -> io::Result<Self> {
        let name = match path.components().next_back() {
            Some(Component::Normal(name)) => name.to_owned(),
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file")),
        };
        let directory = open_directory(path.parent().unwrap_or(Path::new("")))?;
        may_take(&directory, &name, existing)?;
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let beside = OsString::from(format!(".sockstate-{}-{number}", std::process::id()));
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&directory, &*beside, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(Self { directory, name, beside, existing, file: file.into(), is_done: false })
    }

    /// Returns the file to write to.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// When the name cannot be had any more; the file is gone then.
    pub fn finish(mut self) -> io::Result<()> {
        may_take(&self.directory, &self.name, self.existing)?;
        let Self { directory, beside, name, .. } = &self;
        match self.existing {
            Existing::Replace => renameat(directory, &**beside, directory, &**name)?,
            Existing::Keep => rename_to_free(directory, beside, name)?,
        }
        self.is_done = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_done {
            // Nothing is left to be done for one that is gone already.
            let _ = unlinkat(&self.directory, &*self.beside, AtFlags::empty());
        }
    }
}

fn rename_to_free(directory: &OwnedFd, beside: &OsStr, name: &OsStr) -> Result<(), Errno> {
    match renameat_with(directory, beside, directory, name, RenameFlags::NOREPLACE) {
        // A file system that does not know the flag; the name was free just now.
        Err(Errno::INVAL | Errno::NOSYS) => renameat(directory, beside, directory, name),
        renamed => renamed,
    }
}

/// Checks that a name is free, or that of a file that may be replaced.
fn may_take(directory: &OwnedFd, name: &OsStr, existing: Existing) -> io::Result<()> {
    let found = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    };
    if existing == Existing::Keep {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    must_be_regular(&found)?;
    if is_shared(&fstat(directory)?) && found.st_uid != own_user() {
        let text = "it is another user's, in a directory that all may write to";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(())
}

/// Opens a directory, step by step: the kernel itself forbids to follow a link
/// that somebody else laid in a shared directory only where
/// `fs.protected_symlinks` says so, and here it always counts.
fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let start = |absolute: bool| open(if absolute { "/" } else { "." }, flags, Mode::empty());
    let mut at = start(path.is_absolute())?;
    let mut links = 0;
    let mut steps = steps(path);
    while let Some(step) = steps.pop() {
        let found = match step.as_bytes() {
            b".." => None,
            _ => Some(statat(&at, &*step, AtFlags::SYMLINK_NOFOLLOW)?),
        };
        let is_link = |found: &Stat| FileType::from_raw_mode(found.st_mode) == FileType::Symlink;
        let Some(link) = found.filter(is_link) else {
            at = openat(&at, &*step, flags | OFlags::NOFOLLOW, Mode::empty())?;
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        may_follow(&fstat(&at)?, &link)?;
        let target = readlinkat(&at, &*step, Vec::new())?;
        let target = PathBuf::from(OsStr::from_bytes(target.as_bytes()));
        if target.is_absolute() {
            at = start(true)?;
        }
        steps.extend(self::steps(&target));
    }
    Ok(at)
}

/// Returns the parts of a path, the last one first.
fn steps(path: &Path) -> Vec<OsString> {
    let parts = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    parts.collect()
}

/// As `may_follow_link` of fs/namei.c.
fn may_follow(directory: &Stat, link: &Stat) -> io::Result<()> {
    let is_trusted = link.st_uid == own_user() || link.st_uid == directory.st_uid;
    if is_trusted || !is_shared(directory) {
        return Ok(());
    }
    let text = "it leads through another user's symbolic link in a directory that all may write to";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// Tells whether everybody may put files into a directory and nobody take those
/// of others, as in `/tmp`.
fn is_shared(directory: &Stat) -> bool {
    let mode = Mode::from_raw_mode(directory.st_mode);
    mode.contains(Mode::SVTX | Mode::WOTH)
}

/// Returns standard output as a file that can be given away.
///
/// # Errors
/// When it cannot be had twice.
pub fn standard_output() -> io::Result<File> {
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, mknodat};
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    /// A directory of one test, removed at the end.
    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let name = format!("sockstate-files-{name}-{}", std::process::id());
            let dir = Self(std::env::temp_dir().join(name));
            let _ = fs::remove_dir_all(&dir.0);
            fs::create_dir(&dir.0).expect("a directory");
            dir
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("readable");
            let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
            let mut names: Vec<_> = entries.map(|entry| name(entry.expect("an entry"))).collect();
            names.sort();
            names
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn write(path: &Path, existing: Existing) -> io::Result<()> {
        let mut new = NewFile::create(path, existing)?;
        new.file().write_all(b"new")?;
        new.finish()
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).expect("readable")
    }

    #[test]
    fn only_regular_files_are_read_and_not_too_much_of_them() {
        let dir = Dir::new("read");
        let fifo = dir.path("fifo");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).expect("a FIFO");
        assert_eq!(read(Path::new("/dev/null"), SMALL).expect("empty"), b"");
        for path in [&fifo, Path::new("/dev/zero"), Path::new("/")] {
            let error = read(path, SMALL).expect_err("no regular file");
            assert!(error.to_string().contains("no regular file"), "{error}");
        }
        let file = dir.path("file");
        fs::write(&file, "12345").expect("written");
        assert_eq!(read(&file, 5).expect("not too long"), b"12345");
        assert!(read(&file, 4).expect_err("too long").to_string().contains("longer than 4"));
        // Endless, and a regular file by its kind.
        assert!(read(Path::new("/proc/kcore"), 10).is_err());
        fs::write(&file, b"\xff\xfe").expect("written");
        assert_eq!(read_text(&file, 5).expect_err("no text").to_string(), "it is not UTF-8");
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_whole() {
        let dir = Dir::new("whole");
        let path = dir.path("dump");
        fs::write(&path, "old").expect("written");
        let mut new = NewFile::create(&path, Existing::Replace).expect("begun");
        new.file().write_all(b"half").expect("written");
        assert_eq!(text(&path), "old");
        drop(new);
        assert_eq!((text(&path).as_str(), dir.names()), ("old", vec!["dump".to_owned()]));
        write(&path, Existing::Replace).expect("written");
        assert_eq!((text(&path).as_str(), dir.names()), ("new", vec!["dump".to_owned()]));
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let error = write(&path, Existing::Keep).expect_err("it is there");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        write(&dir.path("free"), Existing::Keep).expect("free");
    }

    #[test]
    fn what_is_no_regular_file_stays_what_it_is() {
        let dir = Dir::new("kinds");
        let target = dir.path("target");
        fs::write(&target, "old").expect("written");
        symlink(&target, dir.path("link")).expect("a link");
        let fifo = dir.path("fifo");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).expect("a FIFO");
        // One of our own: should it fail, root would take the machine's away.
        let null = dir.path("null");
        let device = FileType::CharacterDevice;
        let is_made = mknodat(CWD, &null, device, Mode::RUSR, makedev(1, 3)).is_ok();
        let null = is_made.then_some(null);
        for path in [dir.path("link"), fifo, dir.0.clone()].into_iter().chain(null) {
            let error = write(&path, Existing::Replace).expect_err("no regular file");
            assert!(error.to_string().contains("no regular file"), "{error}");
        }
        assert_eq!(text(&target), "old");
        assert!(write(Path::new("/"), Existing::Replace).is_err());
    }

    /// As root, and whatever `fs.protected_symlinks` and `fs.protected_regular` say.
    #[test]
    fn what_others_lay_in_a_shared_directory_is_not_followed_and_not_replaced() {
        if !geteuid().is_root() {
            return;
        }
        let dir = Dir::new("shared");
        let shared = dir.path("tmp");
        fs::create_dir(&shared).expect("a directory");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).expect("as /tmp");
        fs::create_dir(dir.path("elsewhere")).expect("a directory");
        symlink(dir.path("elsewhere"), shared.join("link")).expect("a link");
        write(&shared.join("link/dump"), Existing::Replace).expect("our own link");
        assert_eq!(text(&dir.path("elsewhere/dump")), "new");
        if std::os::unix::fs::lchown(shared.join("link"), Some(65_534), None).is_err() {
            return;
        }
        let error = write(&shared.join("link/dump"), Existing::Replace).expect_err("theirs");
        assert!(error.to_string().contains("another user's symbolic link"), "{error}");

        let theirs = shared.join("theirs");
        fs::write(&theirs, "theirs").expect("written");
        chown(&theirs, Some(65_534), None).expect("given away");
        let error = write(&theirs, Existing::Replace).expect_err("theirs");
        assert!(error.to_string().contains("another user's"), "{error}");
        assert_eq!(
            (text(&theirs).as_str(), fs::metadata(&theirs).expect("there").uid()),
            ("theirs", 65_534)
        );
    }
}
