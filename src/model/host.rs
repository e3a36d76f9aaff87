//! Facts of the host beside its sockets: kernel parameters, counters, names. All may be absent.
//!
//! Everything belongs to the network namespace it was read in, except what is
//! marked [`Scope::Host`] here.

use crate::kernel::counters::Counters;

pub use super::counter::{COUNTERS, CounterField, CounterKind};
pub use super::sysctl::{SYSCTLS, Shape, Sysctl, SysctlValue, Sysctls};

/// The findings of one look at the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// snmp, snmp6, netstat, sockstat and sockstat6 by name; [`COUNTERS`]
    /// describes those this program uses.
    pub counters: Counters,
    /// The kernel parameters of [`SYSCTLS`].
    pub sysctls: Sysctls,
    /// `uname -n`; text a person chose, escape it before printing.
    pub hostname: Option<String>,
    /// Kernel release, major and minor.
    pub kernel: Option<(u32, u32)>,
}

/// The part of the host that a number speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One network namespace.
    Namespace,
    /// The whole host, also when read inside a container.
    Host,
}

/// Reads major and minor of a kernel release such as `6.18.44-fc` or `6.1-rc3`.
pub fn kernel_release(release: &[u8]) -> Option<(u32, u32)> {
    let (major, rest) = leading_number(release)?;
    let (minor, _) = leading_number(rest.strip_prefix(b".")?)?;
    Some((major, minor))
}

fn leading_number(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sysctl::THREE;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn the_tables_name_nothing_twice() {
        let names: HashSet<_> = SYSCTLS.iter().map(|s| s.name).collect();
        assert_eq!(names.len(), SYSCTLS.len());
        let names: HashSet<_> = COUNTERS.iter().map(|c| (c.group, c.name)).collect();
        assert_eq!(names.len(), COUNTERS.len());
    }

    /// Every parameter set to 1, 2, …: an accessor that misspells its name
    /// or takes another number of values finds nothing.
    #[test]
    fn every_accessor_finds_its_parameter() {
        let mut sysctls = Sysctls::default();
        for sysctl in SYSCTLS {
            let text: &[u8] = match sysctl.shape {
                Shape::Numbers(1) => b"1\n",
                Shape::Numbers(2) => b"1\t2\n",
                Shape::Numbers(_) => b"1\t2\t3\n",
                Shape::Ports => b"1-2,3\n",
            };
            assert!(sysctls.set(sysctl.name, text), "{}", sysctl.name);
        }
        for number in [
            sysctls.somaxconn(),
            sysctls.max_tw_buckets(),
            sysctls.max_orphans(),
            sysctls.syncookies(),
        ] {
            assert_eq!(number, Some(1));
        }
        assert_eq!(sysctls.tcp_mem(), Some([1, 2, 3]));
        assert_eq!(sysctls.local_port_range(), Some((1, 2)));
        assert_eq!(sysctls.reserved_ports(), Some(&[(1, 2), (3, 3)][..]));
        assert_eq!(sysctls.iter().count(), SYSCTLS.len());
    }

    #[test]
    fn text_of_another_form_changes_nothing() {
        let mut sysctls = Sysctls::default();
        assert!(sysctls.set("net.core.somaxconn", b"4096\n"));
        assert!(!sysctls.set("net.core.somaxconn", b"many\n"));
        assert!(!sysctls.set("net.core.somaxconn", b"1 2\n"));
        assert!(!sysctls.set("net.core.somaxconn", b"\xff"));
        assert!(!sysctls.set("net.core.nonsense", b"1\n"));
        assert!(!sysctls.set("net.ipv4.ip_local_reserved_ports", b"5-4\n"));
        assert_eq!(sysctls.somaxconn(), Some(4096));
        assert_eq!(sysctls.iter().count(), 1);
    }

    #[test]
    fn an_unset_or_negative_number_is_absent() {
        let mut sysctls = Sysctls::default();
        assert_eq!((sysctls.somaxconn(), sysctls.local_port_range()), (None, None));
        assert!(sysctls.set("net.ipv4.tcp_fin_timeout", b"-1\n"));
        assert_eq!(sysctls.number("net.ipv4.tcp_fin_timeout"), None);
        assert_eq!(sysctls.get("net.ipv4.tcp_fin_timeout"), Some(&SysctlValue::Numbers(vec![-1])));
    }

    #[test]
    fn values_print_as_sysctl_does() {
        for (shape, text, printed) in [
            (THREE, "287901\t383868\t575802\n", "287901 383868 575802"),
            (Shape::Ports, "40000-40004,50000\n", "40000-40004,50000"),
            (Shape::Ports, "\n", ""),
        ] {
            let value = SysctlValue::parse(shape, text.as_bytes());
            assert_eq!(value.map(|v| v.to_string()).as_deref(), Some(printed));
        }
    }

    #[test]
    fn releases_have_many_forms() {
        assert_eq!(kernel_release(b"6.18.44-fc-v657"), Some((6, 18)));
        assert_eq!(kernel_release(b"6.1-rc3"), Some((6, 1)));
        assert_eq!(kernel_release(b"5.10"), Some((5, 10)));
        for wrong in [&b"6"[..], b"", b"six.one", b"6.", b".1", b"99999999999.1", b"\xff.1"] {
            assert_eq!(kernel_release(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = kernel_release(&text);
            for sysctl in SYSCTLS {
                let _ = SysctlValue::parse(sysctl.shape, &text).map(|v| v.to_string());
            }
        }
    }
}
