//! Runs commands in turn and takes the kernel's word for what they cost.

use std::mem::MaybeUninit;
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
}

impl Outcome {
    /// The line of the table.
    pub fn line(&self, work: &Work) -> String {
        let met = if self.ratio <= work.bar { "yes" } else { "NO" };
        format!(
            "{:<44} {:>6.1} ms {:>6.0} ms {:>6.3}x {:>5}x  {met}   wall {:.0}/{:.0} ms, peak {}/{} MiB",
            work.name,
            self.ours.cpu_ms,
            self.theirs.cpu_ms,
            self.ratio,
            work.bar,
            self.ours.wall_ms,
            self.theirs.wall_ms,
            self.ours.peak_kib / 1024,
            self.theirs.peak_kib / 1024,
        )
    }
}

/// Runs both alternately after one warm-up and pairs the rounds.
pub fn compare(work: &Work, rounds: usize) -> Result<Outcome, String> {
    let ours = || run(Command::new(env!("CARGO_BIN_EXE_sockstate")).args(work.ours));
    let theirs = || run(Command::new("sh").args(["-c", work.theirs]));
    ours()?;
    let (mut our_costs, mut their_costs) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        our_costs.push(ours()?);
        their_costs.push(theirs()?);
    }
    let ratios = our_costs.iter().zip(&their_costs).map(|(a, b)| a.cpu_ms / b.cpu_ms.max(0.001));
    Ok(Outcome {
        ratio: median(ratios.collect()),
        ours: medians(&our_costs),
        theirs: medians(&their_costs),
    })
}

fn medians(costs: &[Cost]) -> Cost {
    Cost {
        cpu_ms: median(costs.iter().map(|cost| cost.cpu_ms).collect()),
        wall_ms: median(costs.iter().map(|cost| cost.wall_ms).collect()),
        peak_kib: costs.iter().map(|cost| cost.peak_kib).max().unwrap_or(0),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(unsafe_code, reason = "wait4 alone tells what one child cost")]
fn run(command: &mut Command) -> Result<Cost, String> {
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
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    Ok(Cost {
        cpu_ms: ms(usage.ru_utime) + ms(usage.ru_stime),
        wall_ms: begun.elapsed().as_secs_f64() * 1e3,
        peak_kib: usage.ru_maxrss,
    })
}
