//! A set of ports, one bit each.

/// A set of ports.
#[derive(Clone, Debug)]
pub(super) struct PortSet {
    bits: Box<[u64; 1024]>,
    len: u32,
}

impl Default for PortSet {
    fn default() -> Self {
        Self { bits: Box::new([0; 1024]), len: 0 }
    }
}

impl PortSet {
    /// Puts a port in.
    pub(super) fn insert(&mut self, port: u16) {
        self.len += u32::from(!self.contains(port));
        self.bits[usize::from(port) / 64] |= bit(port);
    }

    /// Takes a port out.
    pub(super) fn remove(&mut self, port: u16) {
        self.len -= u32::from(self.contains(port));
        self.bits[usize::from(port) / 64] &= !bit(port);
    }

    /// Tells whether a port is in.
    pub(super) fn contains(&self, port: u16) -> bool {
        self.bits[usize::from(port) / 64] & bit(port) != 0
    }

    /// Returns the number of ports in it.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Returns this set less another.
    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut left = self.clone();
        left.bits.iter_mut().zip(other.bits.iter()).for_each(|(own, other)| *own &= !other);
        left.len = left.bits.iter().map(|word| word.count_ones()).sum();
        left
    }

    /// Returns the number of ports with the parity of `port`.
    pub(super) fn of_parity(&self, port: u16) -> u32 {
        let even = 0x5555_5555_5555_5555;
        let mask = if port & 1 == 0 { even } else { !even };
        self.bits.iter().map(|word| (word & mask).count_ones()).sum()
    }
}

fn bit(port: u16) -> u64 {
    1 << (port % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_counts_its_ports_once() {
        let mut set = PortSet::default();
        [0, 63, 64, 65535, 64].into_iter().for_each(|port| set.insert(port));
        assert_eq!((set.len(), set.of_parity(2), set.of_parity(1)), (4, 2, 2));
        set.remove(64);
        set.remove(1);
        assert_eq!((set.len(), set.contains(64), set.contains(63)), (3, false, true));
        let mut other = PortSet::default();
        other.insert(63);
        other.insert(5);
        assert_eq!(set.minus(&other).len(), 2);
    }
}
