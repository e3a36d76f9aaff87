//! A share of one CPU that looking may take.

/// Keeps the time between two looks long enough for a share of one CPU.
#[derive(Clone, Copy, Debug)]
pub struct CpuBudget {
    /// Per cent of one CPU.
    max_cpu: f64,
    /// CPU time of the program when it was last asked.
    before_ns: Option<u64>,
    /// CPU time of a look with all that follows it, smoothed.
    cost_ns: f64,
}

/// The weight of one look among those before it.
const WEIGHT: f64 = 0.3;

impl CpuBudget {
    /// Makes a budget of so many per cent of one CPU.
    pub fn new(max_cpu: f64) -> Self {
        Self { max_cpu, before_ns: None, cost_ns: 0.0 }
    }

    /// Returns the time until the next look in milliseconds, at least
    /// `interval_ms`; `cpu_ns` is the CPU time that the program has used so far.
    pub fn next(&mut self, interval_ms: u64, cpu_ns: u64) -> u64 {
        // The first look has the cost of beginning, which does not come again.
        let before_ns = self.before_ns.replace(cpu_ns).unwrap_or(cpu_ns);
        let used_ns = cpu_ns.saturating_sub(before_ns) as f64;
        self.cost_ns += (used_ns - self.cost_ns) * WEIGHT;
        let least_ms = self.cost_ns / 1e6 / (self.max_cpu / 100.0);
        interval_ms.max(least_ms as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_as_wished_while_looks_are_cheap() {
        let mut budget = CpuBudget::new(5.0);
        for look in 0..100 {
            assert_eq!(budget.next(1_000, 7_000_000_000 + look * 20_000_000), 1_000);
        }
    }

    #[test]
    fn it_grows_to_what_the_share_allows_and_shrinks_again() {
        let mut budget = CpuBudget::new(5.0);
        let mut cpu_ns = 0;
        let mut kept = 0;
        for _ in 0..50 {
            cpu_ns += 100_000_000;
            kept = budget.next(1_000, cpu_ns);
        }
        assert!((1_990..=2_000).contains(&kept), "{kept}");
        for _ in 0..50 {
            cpu_ns += 1_000_000;
            kept = budget.next(1_000, cpu_ns);
        }
        assert_eq!(kept, 1_000);
    }
}
