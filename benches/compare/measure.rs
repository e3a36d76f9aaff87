//! Runs commands in turn and takes the kernel's word for what they cost.

use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::works::Work;

/// What one run cost.
#[derive(Clone, Copy)]
struct Cost {
    cpu_ms: f64,
    wall_ms: f64,
    peak_kib: i64,
}

/// Medians of both programs.
pub struct Outcome {
    ours: Cost,
    theirs: Cost,
    ratio: f64,
    wall_ratio: f64,
    rounds: usize,
}

/// The head of the table: CPU time (user and system) of the two and its ratio,
/// wall time and its ratio, the bar, whether each ratio meets it, what a socket
/// costs us in CPU time, and the largest resident size.
pub const HEAD: &str = "| work | CPU ms, ours and peer's | ratio | wall ms | ratio | bar | met by CPU, by wall | ns a \
     socket | peak MiB |\n|---|---|---|---|---|---|---|---|---|";

impl Outcome {
    /// The line of the table.
    pub fn line(&self, work: &Work, sockets: u64) -> String {
        let (ours, theirs) = (&self.ours, &self.theirs);
        let once = if self.rounds == 1 { ", one round" } else { "" };
        let is_set = sockets >= work.bar_from;
        let met = |ratio: f64| match ratio <= work.bar {
            _ if !is_set => "-",
            true => "yes",
            false => "NO",
        };
        let peak = match work.peak_mib.filter(|_| is_set) {
            Some(most) if ours.peak_kib > most * 1024 => format!(" (bar {most}: NO)"),
            Some(most) => format!(" (bar {most}: met)"),
            None => String::new(),
        };
        format!(
            "| {} ({}{once}) | {:.1} / {:.1} | {:.3} | {:.0} / {:.0} | {:.3} | {} | {}, {} | {:.0} | {} / \
             {}{peak} |",
            work.name,
            work.theirs_short(),
            ours.cpu_ms,
            theirs.cpu_ms,
            self.ratio,
            ours.wall_ms,
            theirs.wall_ms,
            self.wall_ratio,
            work.bar,
            met(self.ratio),
            met(self.wall_ratio),
            ours.cpu_ms * 1e6 / sockets as f64,
            ours.peak_kib / 1024,
            theirs.peak_kib / 1024,
        )
    }
}

/// Runs both alternately and pairs the rounds; before more than one round,
/// ours runs once so that the program and `/proc` are in memory.
pub fn compare(work: &Work, rounds: usize) -> Result<Outcome, String> {
    let ours = || run(Command::new(env!("CARGO_BIN_EXE_sockstate")).args(work.ours));
    let theirs = || run(Command::new("sh").args(["-c", work.theirs]));
    if rounds > 1 {
        ours()?;
    }
    let (mut our_costs, mut their_costs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        our_costs.push(ours()?);
        their_costs.push(theirs()?);
    }
    let ratio = |of: fn(&Cost) -> f64| {
        let pairs = our_costs.iter().zip(&their_costs);
        median(pairs.map(|(ours, theirs)| of(ours) / of(theirs).max(0.001)).collect())
    };
    Ok(Outcome {
        ratio: ratio(|cost| cost.cpu_ms),
        wall_ratio: ratio(|cost| cost.wall_ms),
        ours: medians(&our_costs),
        theirs: medians(&their_costs),
        rounds,
    })
}

fn medians(costs: &[Cost]) -> Cost {
    Cost {
        cpu_ms: median(costs.iter().map(|cost| cost.cpu_ms).collect()),
        wall_ms: median(costs.iter().map(|cost| cost.wall_ms).collect()),
        peak_kib: costs.iter().map(|cost| cost.peak_kib).max().unwrap_or(0),
    }
}

/// The middle one of some numbers.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(unsafe_code, reason = "wait4 alone tells what one child cost")]
fn run(command: &mut Command) -> Result<Cost, String> {
    let command = ending_with_us(command);
    let begun = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    let mut status = 0;
    // SAFETY: the pid is our child's, which nobody else waits for, and both
    // pointers are to our own variables.
    let waited =
        unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, usage.as_mut_ptr()) };
    if waited < 0 || !libc::WIFEXITED(status) || libc::WEXITSTATUS(status) != 0 {
        return Err(format!("{command:?} ended with status {status:#x}"));
    }
    // SAFETY: wait4 succeeded and filled it in.
    let usage = unsafe { usage.assume_init() };
    Ok(Cost {
        cpu_ms: cpu_ms(&usage),
        wall_ms: begun.elapsed().as_secs_f64() * 1e3,
        peak_kib: usage.ru_maxrss,
    })
}

/// User and system time.
pub fn cpu_ms(usage: &libc::rusage) -> f64 {
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    ms(usage.ru_utime) + ms(usage.ru_stime)
}

/// What takes minutes must not outlive us.
#[expect(unsafe_code, reason = "pre_exec has no safe form")]
pub fn ending_with_us(command: &mut Command) -> &mut Command {
    use rustix::process::{Signal, set_parent_process_death_signal};
    let end = || Ok(set_parent_process_death_signal(Some(Signal::KILL))?);
    // SAFETY: prctl may be called between fork and exec.
    unsafe { command.pre_exec(end) }
}
