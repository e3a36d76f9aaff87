//! What a process uses, sampled.

use std::fmt;
use std::fs;

use anyhow::{Context, ensure};

use crate::kit::Result;

/// What one process used, from time to time.
pub struct Samples {
    pid: u32,
    taken: Vec<Usage>,
}

#[derive(Clone, Copy)]
pub struct Usage {
    rss_kb: u64,
    fds: usize,
    cpu_ticks: u64,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = self.cpu_ticks as f64 / 100.0;
        write!(f, "{} KiB, {} descriptors, CPU {cpu:.1} s", self.rss_kb, self.fds)
    }
}

impl Samples {
    pub fn of(pid: u32) -> Samples {
        Samples { pid, taken: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.taken.len()
    }

    /// Takes one.
    pub fn take(&mut self) -> Result<Usage> {
        let pid = self.pid;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let rss_kb = rss.trim().trim_end_matches(" kB").parse()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().context("stat")?.split(' ').collect();
        let cpu_ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        let fds = fs::read_dir(format!("/proc/{pid}/fd"))?.count();
        let usage = Usage { rss_kb, fds, cpu_ticks };
        self.taken.push(usage);
        Ok(usage)
    }

    /// Whether memory grows by no more than 5 %, and the number of descriptors not at all, from the
    /// third quarter to the last. What is bounded fills before, in ten minutes: it takes twenty.
    pub fn are_flat(&self, whose: &str) -> Result<()> {
        let settled = &self.taken[self.taken.len() / 2..];
        let (first, last) = settled.split_at(settled.len() / 2);
        let most = |samples: &[Usage]| samples.iter().map(|usage| usage.rss_kb).max();
        let (before, after) = (most(first).context("samples")?, most(last).context("samples")?);
        ensure!(after <= before + before / 20, "{whose}: memory grew from {before} to {after} KiB");
        // A search for owners has some of its own while it lasts.
        let fewest = |samples: &[Usage]| samples.iter().map(|usage| usage.fds).min();
        ensure!(fewest(last) <= fewest(first), "{whose}: descriptors grew");
        Ok(())
    }
}
