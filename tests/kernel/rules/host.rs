//! Rules about processes and the whole host.

use anyhow::{Context, ensure};
use socket2::Socket;

use super::{Check, alerts_of, check, evidence, tcp};
use crate::kit::holder::Holder;
use crate::kit::netns;
use crate::kit::run::Run;
use crate::kit::states::{self, By, Family, Unread};
use crate::kit::tempdir::TempDir;
use crate::kit::{Impossible, Result, poll};

pub const CHECKS: &[Check] = &[
    ("dead_fd_leak", dead_fd_leak),
    ("orphan_pressure", || of_the_host("orphan-pressure", "orphans")),
    ("tcp_memory", || of_the_host("tcp-memory", "pages")),
    ("host_limits_are_unknown_in_a_namespace", unknown_in_a_namespace),
];

fn dead_fd_leak() -> Result<()> {
    let toml = "[dead-fd-leak]\nmin_count = 3\n";
    let dead = |count: usize| -> Result<Vec<Socket>> {
        (0..count)
            .map(|_| states::dead_fd(Family::V4)?.subject.context("an open descriptor"))
            .collect()
    };
    let alerts = || -> Result<_> { alerts_of(&check("dead-fd-leak", toml, &[])?) };
    // Two dead ones beside living ones of every kind are no leak.
    let mut sockets = dead(2)?;
    let living = states::listen(Family::V4, 5)?;
    sockets.extend(living.subject);
    sockets.extend(states::established(Family::V6)?.subject);
    let healthy = Holder::new(b"healthy", sockets)?;
    ensure!(alerts()?.is_empty(), "{:#?}", alerts()?);
    let leaky = Holder::new(b"leaky", dead(4)?)?;
    let found = poll("dead-fd-leak fires", || {
        let found = alerts()?;
        Ok((!found.is_empty()).then_some(found))
    })?;
    ensure!(found.len() == 1 && found[0]["count"] == 4, "{found:#?}");
    ensure!(found[0]["subject"]["process"]["pid"] == leaky.pid(), "{found:#?}");
    ensure!(found[0]["subject"]["process"]["comm"] == "leaky", "{found:#?}");
    drop(leaky);
    ensure!(alerts()?.is_empty(), "{:#?}", alerts()?);
    drop(healthy);
    Ok(())
}

/// Numbers of the host have limits in the first namespace only; root can look
/// there. Thresholds of zero fire as soon as there is anything.
fn of_the_host(rule: &str, number: &str) -> Result<()> {
    if !netns::is_privileged() {
        return Err(
            Impossible("limits of the host are seen in the first namespace only".into()).into()
        );
    }
    let _orphan = states::fin_wait1(Family::V4, By::Close)?;
    let dir = TempDir::new()?;
    let file = dir.path().join("rules.toml");
    let args = |toml: &str| -> Result<_> {
        std::fs::write(&file, toml)?;
        let file = file.to_str().context("a path")?;
        // This process has left the first namespace; whoever started it has not. (Process 1 may be
        // closed even to root.)
        let first = std::os::unix::process::parent_id().to_string();
        Run::new(["check", "--json", "--net", &first, "--rule", rule, "--rules", file]).run()
    };
    let output = args("")?;
    if matches!(output.code(), Some(1 | 3)) {
        return Err(Impossible(format!("not the host's first namespace: {output}")).into());
    }
    // Memory is counted in lumps of a megabyte a CPU (SK_MEMORY_PCPU_RESERVE): there is more.
    let unread = || states::close_wait(Family::V4, Unread::Bytes(60_000));
    let _unread = (0..64).map(|_| unread()).collect::<Result<Vec<_>>>()?;
    let low = format!("[{rule}]\nwarn_percent = 0\ncritical_percent = 0\n");
    let output = poll("it fires", || {
        let output = args(&low)?;
        Ok((!alerts_of(&output)?.is_empty()).then_some(output))
    })?;
    let found = alerts_of(&output)?;
    ensure!(found.len() == 1 && found[0]["subject"]["host"].is_object(), "{output}");
    ensure!(found[0]["severity"] == "critical", "{output}");
    ensure!(evidence(&found[0], number)? > 0 && evidence(&found[0], "limit")? > 0, "{output}");
    let high = format!("[{rule}]\nwarn_percent = 1000000\ncritical_percent = 1000000\n");
    ensure!(args(&high)?.code() == Some(0), "a near miss");
    Ok(())
}

fn unknown_in_a_namespace() -> Result<()> {
    drop(tcp()?);
    for rule in ["orphan-pressure", "tcp-memory"] {
        let output = check(rule, "", &[])?.ended(3)?;
        let reason = output.json()?["unknown"][0]["reason"].as_str().unwrap_or_default().to_owned();
        ensure!(reason.contains("initial network namespace"), "{output}");
    }
    Ok(())
}
