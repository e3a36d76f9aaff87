//! Sockets of cgroups.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, ensure};

use super::{ALL, rows_of_ours, rows_of_ss};
use crate::kit::run::Run;
use crate::kit::{Impossible, Result};

/// Makes this program the one that has a socket in a cgroup, see [`hold_a_listener`].
pub const HOLD: &str = "--hold-listener";

/// A cgroup of our own, removed at the end.
struct Cgroup {
    mount: PathBuf,
    path: String,
}

impl Cgroup {
    fn new() -> Result<Cgroup> {
        let mounts = fs::read_to_string("/proc/mounts")?;
        let mount = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let mount = mount
            .filter(|words| words.get(2) == Some(&"cgroup2"))
            .find_map(|words| words.get(1).map(PathBuf::from))
            .ok_or_else(|| Impossible("no cgroup2 file system is mounted".into()))?;
        let path = format!("/sockstate-{}", std::process::id());
        let group = Cgroup { mount, path };
        fs::create_dir_all(group.directory("/below"))
            .map_err(|error| Impossible(format!("no cgroup can be made: {error}")))?;
        Ok(group)
    }

    fn directory(&self, below: &str) -> PathBuf {
        PathBuf::from(format!("{}{}{below}", self.mount.display(), self.path))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Fails while somebody is in it, and then it is the administrator's.
        let _ = fs::remove_dir(self.directory("/below"));
        let _ = fs::remove_dir(self.directory(""));
    }
}

/// This program as another process, in a cgroup, with a listener until its input ends.
pub fn hold_a_listener() -> ExitCode {
    let Ok(listener) = TcpListener::bind("127.0.0.1:0") else { return ExitCode::FAILURE };
    let Ok(local) = listener.local_addr() else { return ExitCode::FAILURE };
    if writeln!(std::io::stdout(), "{local}").is_err() {
        return ExitCode::FAILURE;
    }
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

/// Starts [`hold_a_listener`] in a cgroup.
fn in_cgroup(directory: &Path) -> Result<(std::process::Child, SocketAddr)> {
    let script = "echo $$ > \"$1/cgroup.procs\" && exec \"$2\" \"$3\"";
    let mut child = Command::new("sh")
        .args(["-c", script, "sh"])
        .args([directory, &std::env::current_exe()?, Path::new(HOLD)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
    let Ok(local) = line.trim().parse() else {
        let _ = child.wait();
        return Err(Impossible("no process can be moved into a cgroup".into()).into());
    };
    Ok((child, local))
}

/// What `ss` selects by the cgroup, we select.
pub fn selects() -> Result<()> {
    let group = Cgroup::new()?;
    let (mut above, first) = in_cgroup(&group.directory(""))?;
    let (mut below, second) = in_cgroup(&group.directory("/below"))?;
    let outside = TcpListener::bind("127.0.0.1:0")?.local_addr();
    let path = &group.path;
    let result = (|| {
        let mut wrong = Vec::new();
        for expression in [
            format!("cgroup {path}"),
            format!("cgroup = {path}/below"),
            format!("cgroup != {path}"),
            format!("! cgroup {path}/below"),
            format!("cgroup {path} or cgroup {path}/below"),
            format!("cgroup {path} and sport = {}", first.port()),
        ] {
            let theirs = rows_of_ss(&ALL, &expression)?;
            for way in [&[][..], &["--no-kernel-filter"]] {
                let flags: Vec<&str> = ALL.iter().chain(way).copied().collect();
                let ours = rows_of_ours(&flags, &expression)?;
                if ours != theirs {
                    wrong.push(format!("{expression}\n  ss {theirs:?}\n  we {ours:?}"));
                }
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        // A subtree, which ss does not have.
        let all = rows_of_ours(&ALL, &format!("cgroup {path}/"))?.unwrap_or_default();
        let found: BTreeSet<SocketAddr> = all.iter().map(|row| row.local).collect();
        ensure!(found == BTreeSet::from([first, second]), "{found:?}, not {outside:?}");
        let missing = Run::new(["list", "-t", "cgroup /no/such/group"]).run()?.ended(2)?;
        ensure!(missing.stderr.contains("       ^^^^^^^^^^^^^^"), "{missing}");
        Ok(())
    })();
    for child in [&mut above, &mut below] {
        drop(child.stdin.take());
        child.wait()?;
    }
    result
}
