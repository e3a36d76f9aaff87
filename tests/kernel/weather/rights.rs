//! A copy of the program with capabilities of its own, run by an ordinary user: it names the
//! owners of everybody's sockets, and reads nothing for its user that the user may not read.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use rustix::fs::{FileType, XattrFlags, setxattr};

use crate::kit::netns;
use crate::kit::run::{Output, Run};
use crate::kit::tempdir::TempDir;
use crate::kit::{Impossible, Result, Trial, trial};

/// Nobody, on every system.
const USER: u32 = 65_534;

/// What a copy may have, as bits: CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_NET_ADMIN,
/// CAP_SYS_ADMIN, CAP_PERFMON, CAP_KILL.
const OWNERS: u64 = 1 << 2 | 1 << 19;
const EVERYTHING: u64 = OWNERS | 1 << 12 | 1 << 21 | 1 << 38 | 1 << 5;

/// What no run may show.
const SECRET: &str = "sekrit7f3a";

pub fn trials() -> Vec<Trial> {
    vec![
        trial("rights::settings_are_trusted_by_owner", settings_are_trusted_by_owner),
        trial("rights::rows_of_proc_are_not_closed", rows_of_proc_are_not_closed),
        trial("rights::transitions_are_traced", transitions_are_traced),
        trial("rights::root_of_a_container_sees_its_like", root_of_a_container),
        trial("rights::owners_are_named", owners_are_named),
        trial("rights::no_file_is_read_for_its_user", no_file_is_read_for_its_user),
        trial("rights::no_error_quotes_a_file", no_error_quotes_a_file),
        trial("rights::another_proc_is_refused", another_proc_is_refused),
        trial("rights::commands_get_none", commands_get_none),
        trial("rights::root_s_commands_get_none", root_s_commands_get_none),
        trial("rights::the_environment_counts_for_less", the_environment_counts_for_less),
        trial("rights::a_namespace_is_looked_into_and_not_moved_to", namespace_is_looked_into),
    ]
}

/// A directory with a copy of the program that has capabilities, and files that only root reads.
struct Stage {
    dir: TempDir,
    program: PathBuf,
}

impl Stage {
    fn new(capabilities: u64) -> Result<Self> {
        if !netns::is_privileged() {
            return Err(Impossible("file capabilities take root".into()).into());
        }
        let dir = TempDir::new()?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        let program = dir.path().join("sockstate");
        fs::copy(env!("CARGO_BIN_EXE_sockstate"), &program)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        // struct vfs_cap_data of the second revision: permitted, and of some effective at once.
        let magic = 0x0200_0000 | u32::from(capabilities == EVERYTHING);
        let [low, high] = [capabilities as u32, (capabilities >> 32) as u32];
        let words = [magic, low, 0, high, 0];
        let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        setxattr(&program, "security.capability", &bytes, XattrFlags::empty())
            .map_err(|error| Impossible(format!("no file capabilities: {error}")))?;
        let stage = Self { dir, program };
        let status = stage.run(["list", "-H", "-t"])?;
        if status.code().is_none() || status.stderr.contains("Operation not permitted") {
            return Err(Impossible(format!("no file capabilities here: {status}")).into());
        }
        Ok(stage)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file of root, with these permissions.
    fn file(&self, name: &str, text: &str, mode: u32) -> Result<String> {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        Ok(path.to_str().context("a path")?.to_owned())
    }

    fn command<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        Run::program(&self.program.to_string_lossy(), args).user(USER)
    }

    fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Output> {
        self.command(args).run()
    }
}

/// What it is for.
fn owners_are_named() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    let stage = Stage::new(OWNERS)?;
    let output = stage.run(["list", "-tlpH", "sport", &port])?.ok()?;
    let ours = format!("[{}", std::process::id());
    ensure!(output.stdout.contains(&std::process::id().to_string()), "{ours}: {output}");
    ensure!(output.stderr.is_empty(), "{output}");
    Ok(())
}

/// The tracepoints of the host, by whoever may not even see where they are.
fn transitions_are_traced() -> Result<()> {
    let args = ["events", "--source", "tracepoint", "--duration", "100ms"];
    let stage = Stage::new(EVERYTHING)?;
    if Run::new(args).run()?.code() != Some(0) {
        return Err(Impossible("nobody traces here, not even root".into()).into());
    }
    stage.run(args)?.ok()?;
    Run::new(args).user(USER).run()?.ended(1)?;
    Ok(())
}

/// Root without CAP_SYS_PTRACE, as in most containers: it sees the processes that have no more.
fn root_of_a_container() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    let script = "exec 3<>/dev/tcp/127.0.0.1/$1; sleep 60 & \"$2\" list -tpH dport $1; kill $!";
    let program = env!("CARGO_BIN_EXE_sockstate");
    let bounds = "--bounding-set=-sys_ptrace,-dac_read_search";
    let args = [bounds, "--inh-caps=-all", "bash", "-c", script, "bash", &port, program];
    let output = Run::program("setpriv", args).run();
    let output = output.map_err(|error| Impossible(format!("no setpriv here: {error:#}")))?;
    ensure!(output.stdout.contains("sleep["), "{output}");
    Ok(())
}

/// Every way in which a user names a file, with one that only root may read.
fn no_file_is_read_for_its_user() -> Result<()> {
    let stage = Stage::new(EVERYTHING)?;
    let line = format!("root:{SECRET}:19000:0:99999:7:::\n");
    let secret = stage.file("private/secret", &line, 0o600)?;
    let filter = stage.file("private/filter", &format!("user {SECRET}"), 0o600)?;
    let toml = stage.file("private/x.toml", &format!("[{SECRET}]\n"), 0o600)?;
    fs::set_permissions(stage.path("private"), fs::Permissions::from_mode(0o700))?;
    let open = stage.file("secret", &line, 0o600)?;
    let ways: Vec<Vec<&str>> = vec![
        vec!["list", "-F", &secret],
        vec!["list", "-F", &open],
        vec!["count", "-F", &filter],
        vec!["events", "-F", &filter, "--duration", "1ms"],
        vec!["watch", "--plain", "--duration", "1ms", "-F", &secret],
        vec!["watch", "--plain", "--duration", "1ms", "--config", &toml],
        vec!["watch", "--plain", "--duration", "1ms", "--config", &secret],
        vec!["watch", "--plain", "--duration", "1ms", "--rules", &toml],
        vec!["check", "--rules", &toml],
        vec!["check", "--rules", &secret],
        vec!["check", "--rules", &open, "--print-rules"],
        vec!["list", "-ta", "--from", &secret],
        vec!["list", "-ta", "--json", "--from", &open],
        vec!["-N", &secret, "list"],
        vec!["-N", &open, "list"],
        vec!["list", "-ta", "-D", &open],
    ];
    for args in &ways {
        shows_nothing(&stage.run(args)?, args)?;
    }
    let text = fs::read_to_string(&open)?;
    ensure!(text == line, "written over: {text}");
    let home = stage.path("private").to_string_lossy().into_owned();
    let environment = [("XDG_CONFIG_HOME", &home), ("HOME", &home), ("TZ", &secret), ("TZ", &open)];
    for (name, value) in environment {
        for args in [&["status"][..], &["check"], &["watch", "--plain", "--duration", "1ms"]] {
            let output = stage.command(args).env(name, value).run()?;
            shows_nothing(&output, &[name, value])?;
        }
    }
    Ok(())
}

fn shows_nothing(output: &Output, way: &(impl std::fmt::Debug + ?Sized)) -> Result<()> {
    let said = format!("{}{}", output.stdout, output.stderr);
    ensure!(!said.contains(SECRET), "{way:?}: {output}");
    ensure!(!said.contains("19000"), "{way:?}: {output}");
    ensure!(!said.contains("unexpected argument"), "{way:?} is no way in: {output}");
    Ok(())
}

/// Not even one that may be read: it may be a file that another user lets us name.
fn no_error_quotes_a_file() -> Result<()> {
    let dir = TempDir::new()?;
    let file = |name: &str, text: String| -> Result<String> {
        let path = dir.path().join(name);
        fs::write(&path, text)?;
        Ok(path.to_str().context("a path")?.to_owned())
    };
    let line = file("line", format!("# first\n  root:{SECRET}:19000:0\n"))?;
    let number = file("number", format!("# first\n  sport = 70000 {SECRET}\n"))?;
    let name = file("name", format!("user {SECRET}"))?;
    let state = file("state", format!("dport 80 to {SECRET}"))?;
    let key = file("key.toml", format!("[{SECRET}]\n"))?;
    let member = file("member.toml", format!("[udp-drops]\n{SECRET} = 1\n"))?;
    let keys = file("keys.toml", format!("[keys]\npause = \"{SECRET}\"\n"))?;
    let when = format!("[[rule]]\nid = \"a\"\nwhen = \"count({SECRET} 1) > 1\"\n");
    let when = file("when.toml", when)?;
    let user = format!("[[rule]]\nid = \"a\"\nwhen = \"count(user {SECRET}) > 1\"\n");
    let user = file("user.toml", user)?;
    let ways: Vec<(Vec<&str>, &str)> = vec![
        (vec!["list", "-F", &line], ":2:3: expected"),
        (vec!["list", "sport", "1", "-F", &number], ":2:11: expected"),
        (vec!["list", "sport", "x y", "-F", &name], "sport x y"),
        (vec!["list", "-F", &name], "not known here"),
        (vec!["events", "-F", &name], "not known here"),
        (vec!["events", "-F", &state], ":1:10: expected"),
        (vec!["list", "-F", &key], ":1:1: expected"),
        (vec!["check", "--rules", &key], ":1:2: there is no such rule"),
        (vec!["check", "--rules", &member], ":2:1: udp-drops has no such member"),
        (vec!["check", "--rules", &line], ":2:"),
        (vec!["check", "--rules", &when], ":3:"),
        (vec!["check", "--rules", &user], "not known here"),
        (vec!["watch", "--plain", "--config", &keys], "pause: there is no such key"),
        (vec!["watch", "--plain", "--config", &key], "a table [keys]"),
        (vec!["watch", "--plain", "--config", &line], "line 2, column"),
    ];
    for (args, wanted) in ways {
        let output = Run::new(&args).run()?.ended(2)?;
        shows_nothing(&output, &args)?;
        ensure!(output.stderr.contains(wanted), "{args:?} {wanted}: {output}");
    }
    let dump = Run::new(["list", "-ta", "--from", &line]).run()?;
    shows_nothing(&dump, "--from")
}

/// A directory with links in it is no procfs, and its numbers are not ours.
fn another_proc_is_refused() -> Result<()> {
    let stage = Stage::new(EVERYTHING)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let secret = stage.file("secret", SECRET, 0o600)?;
    let inode = rustix::fs::fstat(&listener)?.st_ino;
    let process = stage.path("proc/7");
    fs::create_dir_all(process.join("fd"))?;
    symlink(format!("socket:[{inode}]"), process.join("fd/3"))?;
    symlink(&secret, process.join("comm"))?;
    let proc = stage.path("proc").to_string_lossy().into_owned();
    let output = stage.run(["list", "-tlp", "--proc-root", &proc])?;
    shows_nothing(&output, "--proc-root")?;
    ensure!(output.code() == Some(2) && output.stderr.contains("refused"), "{output}");
    // Where it is not lent, it is not lent to that directory either.
    let output = Run::new(["list", "-tlp", "--proc-root", &proc]).user(USER).run()?;
    shows_nothing(&output, "--proc-root")?;
    // By whoever may not be told apart: what is shown is another process than what is signalled.
    for args in [&["list", "-K", "sport", "1"][..], &["watch", "--allow-actions"]] {
        let output = Run::new(args.iter().chain(&["--proc-root", &proc])).run()?.ended(2)?;
        ensure!(output.stderr.contains("another process"), "{output}");
    }
    Ok(())
}

/// A command that writes down which capabilities it has.
fn capabilities_of_commands(run: impl Fn(&[&str]) -> Run, dir: &Path) -> Result<String> {
    let told = dir.join("told");
    fs::create_dir_all(&told)?;
    chown(&told, Some(USER), None)?;
    fs::set_permissions(&told, fs::Permissions::from_mode(0o777))?;
    let script = dir.join("notify");
    let file = told.join("status");
    let text = format!("#!/bin/sh\ncat >/dev/null\ncat /proc/self/status >{}\n", file.display());
    fs::write(&script, text)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let script = script.to_str().context("a path")?;
    // Something must be wrong: there is a listener, and none is allowed.
    let _listener = TcpListener::bind("127.0.0.1:0")?;
    let output = run(&["check", "--max", "listen=0", "--notify", script]).run()?;
    fs::read_to_string(&file).with_context(|| format!("the command was not run: {output}"))
}

fn has_none(status: &str) -> Result<()> {
    for name in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        let line = status.lines().find(|line| line.starts_with(name)).context("a line")?;
        ensure!(line.ends_with("\t0000000000000000"), "{status}");
    }
    Ok(())
}

fn commands_get_none() -> Result<()> {
    let stage = Stage::new(EVERYTHING)?;
    has_none(&capabilities_of_commands(|args| stage.command(args), stage.dir.path())?)
}

/// Root's programs have every capability by being root's, unless that is taken from them.
fn root_s_commands_get_none() -> Result<()> {
    let dir = TempDir::new()?;
    has_none(&capabilities_of_commands(|args| Run::new(args), dir.path())?)
}

/// As root: root's own, and under sudo the invoking user's. What is read is named, and so is what
/// it switches off.
fn settings_are_trusted_by_owner() -> Result<()> {
    if !netns::is_privileged() {
        return Err(Impossible("giving files away takes root".into()).into());
    }
    let dir = TempDir::new()?;
    let rules = dir.path().join("sockstate/rules.toml");
    fs::create_dir_all(dir.path().join("sockstate"))?;
    fs::write(&rules, "[udp-drops]\nenabled = false\n")?;
    let run = |args: &[&str]| Run::new(args).env("XDG_CONFIG_HOME", dir.path());
    let printed = run(&["check", "--print-rules"]).run()?.ok()?;
    let first = format!("# read from {}\n", rules.display());
    ensure!(printed.stdout.starts_with(&first), "{printed}");
    let said = format!("rules: udp-drops is switched off by {}\n", rules.display());
    for args in [["check"], ["status"]] {
        let output = run(&args).run()?;
        ensure!(output.stderr.starts_with(&said), "{output}");
    }
    let none = Run::new(["check", "--print-rules"]).run()?.ok()?;
    ensure!(none.stdout.starts_with("# no file was read\n"), "{none}");
    chown(&rules, Some(USER), None)?;
    let output = run(&["check"]).run()?.ended(2)?;
    ensure!(output.stderr.contains("belongs to user 65534"), "{output}");
    let output = run(&["check"]).env("SUDO_UID", "65534").run()?;
    ensure!(output.stderr.starts_with(&said), "{output}");
    // By its name it counts whoever owns it, and a relative directory is none.
    let named = Run::new(["check", "--rules", rules.to_str().context("a path")?]).run()?;
    ensure!(named.stderr.starts_with(&said), "{named}");
    let relative = Run::new(["check", "--print-rules"]).env("XDG_CONFIG_HOME", ".");
    let relative = relative.directory(dir.path()).run()?.ok()?;
    ensure!(relative.stdout.starts_with("# no file was read\n"), "{relative}");
    Ok(())
}

/// Without a cookie another socket could be closed in its place; and that is said.
fn rows_of_proc_are_not_closed() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    let args = ["list", "-tlK", "--yes", "--source", "proc", "sport", &port];
    let output = Run::new(args).run()?.ended(1)?;
    let said = "closed 0, not identified 1 (rows of /proc have no cookie";
    ensure!(output.stderr.contains(said), "{output}");
    Ok(())
}

/// The user's own files are not read, and that is said; a FIFO waits for nobody.
fn the_environment_counts_for_less() -> Result<()> {
    let stage = Stage::new(OWNERS)?;
    stage.file("home/.config/sockstate/rules.toml", "[udp-drops]\nenabled = false\n", 0o644)?;
    let home = stage.path("home").to_string_lossy().into_owned();
    let output = stage.command(["check"]).env("HOME", &home).run()?;
    ensure!(output.stderr.contains("is not read, for this program has rights"), "{output}");
    let fifo = stage.path("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, 0o666.into(), 0)?;
    let fifo = fifo.to_string_lossy().into_owned();
    for args in [["check", "--rules", &fifo], ["list", "-F", &fifo], ["list", "--from", &fifo]] {
        let output = stage.run(args)?;
        ensure!(output.stderr.contains("no regular file"), "{output}");
    }
    stage.command(["status"]).env("TZ", &fifo).run()?.ok()?;
    Ok(())
}

/// The sockets of another namespace are shown, with their owners, by a program that stays at
/// home: its commands and its names do.
fn namespace_is_looked_into() -> Result<()> {
    let stage = Stage::new(EVERYTHING)?;
    // A process in a namespace of its own; a shell that stayed would leave its sleep behind.
    let script = "ip link set lo up 2>/dev/null; exec sleep 60";
    let mut there = Command::new("unshare")
        .args(["-n", "sh", "-c", script])
        .process_group(0)
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| Impossible(format!("no unshare here: {error}")))?;
    let link = format!("/proc/{}/ns/net", there.id());
    let home = fs::read_link("/proc/thread-self/ns/net")?;
    let moved = crate::kit::poll("it has its own namespace", || {
        let there = fs::read_link(&link)?;
        Ok((there != home).then_some(there))
    });
    let tried =
        moved.and_then(|target| looks_into(&stage, &there.id().to_string(), &target, &home));
    there.kill()?;
    there.wait()?;
    tried
}

fn looks_into(stage: &Stage, pid: &str, target: &Path, home: &Path) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let ours = format!("sport {}", listener.local_addr()?.port());
    let here = stage.run(["list", "-tlH", &ours])?.ok()?;
    ensure!(here.stdout.lines().count() == 1, "{here}");
    let there = stage.run(["-N", pid, "list", "-tlH", &ours])?.ok()?;
    ensure!(there.stdout.is_empty(), "{there}");
    for source in ["netlink", "proc"] {
        let args = ["-N", pid, "--source", source, "count", "-taxH", "--by", "netns", "--json"];
        let counted = stage.run(args)?.ok()?;
        let inode = target.to_string_lossy().replace("net:[", "").replace(']', "");
        ensure!(
            counted.stdout.contains(&inode) || counted.json()?["groups"][0].is_null(),
            "{inode}: {counted}"
        );
    }
    // The command of --notify is at home.
    let told = stage.path("where");
    fs::write(&told, "")?;
    fs::set_permissions(&told, fs::Permissions::from_mode(0o666))?;
    let text =
        format!("#!/bin/sh\ncat >/dev/null\nreadlink /proc/self/ns/net >{}\n", told.display());
    let script = stage.file("where.sh", &text, 0o755)?;
    let rules = "[[rule]]\nid = \"always\"\nwhen = \"count(sport 1) >= 0\"\n";
    let rules = stage.file("always.toml", rules, 0o644)?;
    let output = stage.run(["-N", pid, "check", "--rules", &rules, "--notify", &script])?;
    let was = fs::read_to_string(&told)?;
    ensure!(was.trim() == home.to_string_lossy(), "{was} {output}");
    Ok(())
}
