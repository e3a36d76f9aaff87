//! Whose sockets they are is hidden from us: all is shown but that, and it is said.

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::kit::netns;
use crate::kit::run::Run;
use crate::kit::states::{self, Family, Held, Unread};
use crate::kit::tempdir::TempDir;
use crate::kit::{Impossible, Result, Trial, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("permission::owners_gap", owners_gap),
        trial("permission::in_every_view", in_every_view),
        trial("permission::own_sockets_are_seen", own_sockets_are_seen),
        trial("permission::hidepid", hidepid),
    ]
}

fn some_sockets() -> Result<[Held; 2]> {
    Ok([states::established(Family::V4)?, states::close_wait(Family::V6, Unread::Eof)?])
}

/// Counted, with what would help; what has no owner at all is not missing.
fn owners_gap() -> Result<()> {
    let _sockets = some_sockets()?;
    let _nobody_s = states::syn_recv(Family::V4)?;
    let output = Run::new(["list", "-tap"]).without_capabilities().run()?.ok()?;
    // Three listeners, and both ends of two connections and one end of the third.
    let wanted = "owners: 8 of 8 sockets have no visible owner (run as root, or grant \
                  cap_dac_read_search and cap_sys_ptrace)\n";
    ensure!(output.stderr == wanted, "{output}");
    let of_nobody = output.stdout.lines().filter(|line| line.ends_with("(request)")).count();
    let hidden = output.stdout.lines().filter(|line| line.ends_with("  -")).count();
    ensure!((of_nobody, hidden) == (1, 8), "{output}");
    let output = Run::new(["list", "-ta"]).without_capabilities().run()?.ok()?;
    ensure!(output.stderr.is_empty(), "nobody asked for owners: {output}");
    Ok(())
}

/// The answer is the same as with all privileges, but for the owners and the firewall mark.
fn in_every_view() -> Result<()> {
    let _sockets = some_sockets()?;
    for args in [&["listeners"][..], &["status"], &["count", "--by", "process"]] {
        let output = Run::new(args).without_capabilities().run()?.ok()?;
        ensure!(output.stderr.starts_with("owners: "), "{output}");
        ensure!(output.stderr.contains("run as root"), "{output}");
    }
    let count = Run::new(["count", "--by", "process", "-H"]).without_capabilities().run()?.ok()?;
    ensure!(count.stdout == "(not visible)  6\n", "{count}");
    for args in [&["list", "-ta", "--json"][..], &["count", "--json"]] {
        let all = Run::new(args).run()?.ok()?.json()?;
        let few = Run::new(args).without_capabilities().run()?.ok()?.json()?;
        for part in ["sockets", "groups", "gaps"] {
            ensure!(without_mark(&all[part]) == without_mark(&few[part]), "{args:?} {few}");
        }
        let has_mark = |rows: &Value| rows.to_string().contains("\"mark\"");
        ensure!(!has_mark(&few), "only CAP_NET_ADMIN sees the firewall mark: {few}");
        ensure!(has_mark(&all) == (args[0] == "list"), "{all}");
    }
    Ok(())
}

/// Rows without their firewall mark.
fn without_mark(rows: &Value) -> Value {
    let mut rows = rows.clone();
    for row in rows.as_array_mut().into_iter().flatten() {
        row.as_object_mut().and_then(|row| row.remove("mark"));
    }
    rows
}

/// No privilege is needed to see whose one's own sockets are.
fn own_sockets_are_seen() -> Result<()> {
    let script = "exec 3<>/dev/tcp/127.0.0.1/$1 && shift && exec \"$@\"";
    let held = states::listen(Family::V4, 7)?;
    let port = held.local.port().to_string();
    let program = env!("CARGO_BIN_EXE_sockstate");
    let args = ["-c", script, "bash", &port, program, "list", "-tp", "--json"];
    let output = Run::program("bash", args).without_capabilities().run();
    let output = output.map_err(|error| Impossible(format!("no bash here: {error:#}")))?.ok()?;
    let document = output.json()?;
    let rows = document["sockets"].as_array().context("sockets")?;
    let owned = rows.iter().filter(|row| row["processes"][0]["comm"] == "sockstate").count();
    ensure!(owned == 1, "the program itself has the client's end: {document}");
    Ok(())
}

/// A `/proc` that does not even list the processes of others, so that they cannot be counted.
fn hidepid() -> Result<()> {
    if !netns::is_privileged() {
        return Err(Impossible("mounting another /proc takes root".into()).into());
    }
    let _sockets = some_sockets()?;
    let dir = TempDir::new()?;
    // The kernel shows all processes to members of group 0, whatever they may not do.
    let script = "mount -t proc -o hidepid=invisible proc \"$1\" || exit 77; \
                  exec setpriv --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all \"$2\" list -tap --proc-root \"$1\"";
    let root = dir.path().to_str().context("a path")?;
    let program = env!("CARGO_BIN_EXE_sockstate");
    let args = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", root, program];
    let output = Run::program("unshare", args).run();
    let output = output.map_err(|error| Impossible(format!("no unshare here: {error:#}")))?;
    if matches!(output.code(), Some(77 | 127)) {
        return Err(Impossible(format!("no hidepid, or no setpriv here: {output}")).into());
    }
    let output = output.ok()?;
    ensure!(output.stdout.lines().count() == 7, "all rows are there: {output}");
    ensure!(output.stderr.starts_with("owners: 6 of 6 sockets have no visible owner"), "{output}");
    ensure!(output.stderr.contains("hidepid"), "{output}");
    Ok(())
}
