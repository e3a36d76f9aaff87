//! What is said where tracing is forbidden.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::ensure;
use sockstate::testing::sys::destroy::DestroyListener;
use sockstate::testing::sys::perf::{TraceOptions, Tracer};

use crate::kit::netns;
use crate::kit::run::{Output, Run};
use crate::kit::{Impossible, Result, Trial, trial};

/// The argument that makes this test program try to trace and say how it went.
pub const PROBE: &str = "--probe";

/// Tries, in whatever position the caller has put us.
pub fn probe() -> ExitCode {
    let traced = match Tracer::open(&TraceOptions::default()) {
        Ok(_) => "traces".to_owned(),
        Err(error) => error.to_string(),
    };
    let listened = match DestroyListener::open() {
        Ok(_) => "listens".to_owned(),
        Err(error) => error.to_string(),
    };
    match writeln!(io::stdout(), "{traced}\n{listened}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// All trials of refusals.
pub fn trials() -> Vec<Trial> {
    vec![
        trial("refused::without_privileges", without_privileges),
        trial("refused::with_readable_tracefs", mounted_tracefs),
    ]
}

/// This program.
fn ourselves() -> Result<String> {
    Ok(std::env::current_exe()?.to_string_lossy().into_owned())
}

fn said(output: &Output) -> Vec<&str> {
    output.stdout.lines().collect()
}

fn without_privileges() -> Result<()> {
    let output = Run::program(&ourselves()?, [PROBE]).without_capabilities().run()?.ok()?;
    let [traced, listened] = said(&output)[..] else { anyhow::bail!("{output}") };
    // Which of the two depends on whether somebody has mounted it readable.
    let understood = traced.starts_with("the kernel's list of trace events")
        || traced.starts_with("perf_event_open is refused: ");
    ensure!(understood && traced.contains("; run as root, or"), "{traced}");
    ensure!(traced.contains("cap_perfmon"), "{traced}");
    ensure!(listened == "listens", "{listened}");
    Ok(())
}

fn mounted_tracefs() -> Result<()> {
    if !netns::is_privileged() {
        let why = "needs root to mount tracefs in a namespace of its own";
        return Err(Impossible(why.into()).into());
    }
    let script = "{ mountpoint -q /sys/kernel/tracing || \
                  mount -t tracefs tracefs /sys/kernel/tracing; } && \
                  exec setpriv --bounding-set=-all --inh-caps=-all \"$0\" \"$1\"";
    let ourselves = ourselves()?;
    let output = Run::program("unshare", ["--mount", "sh", "-c", script, &ourselves, PROBE])
        .run()
        .map_err(|error| Impossible(format!("needs unshare: {error:#}")))?;
    let [traced, _] = said(&output)[..] else {
        return Err(Impossible(format!("cannot set the scene: {output}")).into());
    };
    let wanted = "this process has no cap_perfmon; run as root, or grant cap_perfmon";
    ensure!(
        traced.starts_with("perf_event_open is refused: ") && traced.ends_with(wanted),
        "{traced}"
    );
    Ok(())
}
