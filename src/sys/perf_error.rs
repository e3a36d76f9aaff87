//! Reasons why the kernel does not let us trace, and what would help.

use std::fs;
use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::kernel::tracepoint::Tracepoint;

use super::rights::{self, Purpose};

/// Tracing is not possible.
#[derive(Debug)]
pub enum TraceError {
    /// The directory of trace events cannot be read.
    Tracefs {
        /// The place where it is mounted; absent where it is not.
        mounted_at: Option<PathBuf>,
        /// The error of the system call.
        error: io::Error,
    },
    /// This kernel lacks the tracepoint of state changes, or that of ends.
    NoTracepoint(Tracepoint),
    /// A tracepoint's `format` file lacks something indispensable.
    Format {
        /// The tracepoint.
        tracepoint: Tracepoint,
        /// The field that it lacks.
        missing: &'static str,
    },
    /// `perf_event_open` refused.
    Refused(PerfRefusal),
    /// `perf_event_open` does not exist.
    NoPerf,
    /// Too little memory may be locked for the rings.
    RingMemory(io::Error),
    /// There are not enough descriptors.
    Descriptors {
        /// The number that tracing needs on this host.
        needed: usize,
    },
    /// Anything else.
    Io {
        /// The call that was tried.
        what: &'static str,
        /// The error of the system call.
        error: io::Error,
    },
}

/// The cause behind `EPERM` or `EACCES` of `perf_event_open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerfRefusal {
    /// The privilege is missing; the value of `kernel.perf_event_paranoid`.
    Privilege(Option<i32>),
    /// The privilege holds in a user namespace only, and that does not count.
    UserNamespace,
    /// The privilege is there, but a seccomp filter is as well.
    Seccomp,
    /// The privilege is there, no seccomp filter is.
    SecurityModule,
}

/// The privileges of a process, as far as they explain a [`PerfRefusal`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Privileges {
    may_trace: bool,
    seccomp_filter: bool,
    in_user_namespace: bool,
    paranoid: Option<i32>,
}

impl Privileges {
    /// Reads those of the calling thread.
    fn read() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let status = read("/proc/thread-self/status");
        Self {
            may_trace: rights::are_permitted_in_part(Purpose::Trace),
            seccomp_filter: status_value(&status, "Seccomp:") == Some("2"),
            in_user_namespace: !maps_everyone(&read("/proc/thread-self/uid_map")),
            paranoid: read("/proc/sys/kernel/perf_event_paranoid").trim().parse().ok(),
        }
    }

    fn refusal(self) -> PerfRefusal {
        if !self.may_trace {
            PerfRefusal::Privilege(self.paranoid)
        } else if self.in_user_namespace {
            PerfRefusal::UserNamespace
        } else if self.seccomp_filter {
            PerfRefusal::Seccomp
        } else {
            PerfRefusal::SecurityModule
        }
    }
}

/// Returns the value of a line of `/proc/PID/status`.
fn status_value<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// Tells whether a `uid_map` is that of the initial user namespace. An empty one is
/// a file that could not be read, which proves nothing.
fn maps_everyone(uid_map: &str) -> bool {
    let numbers: Vec<&str> = uid_map.split_whitespace().collect();
    numbers.is_empty() || numbers == ["0", "0", "4294967295"]
}

impl TraceError {
    /// Returns the error for a failed `perf_event_open`; `needed` is how many
    /// descriptors all events take.
    pub(super) fn of_open(error: io::Error, needed: usize) -> Self {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::Refused(Privileges::read().refusal()),
            Some(libc::ENOSYS) => Self::NoPerf,
            Some(libc::EMFILE | libc::ENFILE) => Self::Descriptors { needed },
            _ => Self::Io { what: "perf_event_open", error },
        }
    }

    /// Returns the reason, one sentence without a full stop.
    pub fn reason(&self) -> String {
        match self {
            Self::Tracefs { mounted_at: Some(path), error } => {
                format!("the kernel's list of trace events in {} cannot be read: {error}", path.display())
            }
            Self::Tracefs { mounted_at: None, error } => {
                format!("the kernel's list of trace events (tracefs) is not mounted and cannot be reached without: {error}")
            }
            Self::NoTracepoint(tracepoint) => {
                format!("this kernel has no tracepoint {}", tracepoint.name())
            }
            Self::Format { tracepoint, missing } => {
                format!("the format of tracepoint {} has no {missing}", tracepoint.name())
            }
            Self::Refused(refusal) => refusal.reason(),
            Self::NoPerf => "perf_event_open does not exist: this kernel is built without it, or a seccomp filter hides it".to_owned(),
            Self::RingMemory(error) => {
                format!("the kernel refuses memory for the event rings: {error}")
            }
            Self::Descriptors { needed } => {
                format!("tracing needs {needed} file descriptors, more than this process may have")
            }
            Self::Io { what, error } => format!("{what}: {error}"),
        }
    }

    /// Returns what would help; absent where nothing is known to.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Tracefs { mounted_at: Some(_), error } if is_refusal(error) => {
                "run as root, or grant cap_perfmon and cap_dac_read_search"
            }
            Self::Tracefs { mounted_at: None, error } if is_refusal(error) => {
                "run as root, or mount it once (mount -t tracefs tracefs /sys/kernel/tracing) and grant cap_perfmon and cap_dac_read_search"
            }
            Self::NoTracepoint(_) => "it needs Linux 4.16 or later with event tracing built in",
            Self::Refused(refusal) => refusal.remedy(),
            Self::RingMemory(_) => "raise kernel.perf_event_mlock_kb, or grant cap_ipc_lock",
            Self::Descriptors { .. } => "raise the limit of open files (ulimit -n)",
            Self::Tracefs { .. } | Self::Format { .. } | Self::NoPerf | Self::Io { .. } => {
                return None;
            }
        })
    }
}

/// Tells whether an error of the search means "not for you" rather than "not there".
fn is_refusal(error: &io::Error) -> bool {
    let errno = error.raw_os_error();
    [Errno::PERM, Errno::ACCESS].iter().any(|e| errno == Some(e.raw_os_error()))
}

impl PerfRefusal {
    fn reason(self) -> String {
        match self {
            Self::Privilege(Some(paranoid)) => format!(
                "perf_event_open is refused: kernel.perf_event_paranoid is {paranoid} and this process has no cap_perfmon"
            ),
            Self::Privilege(None) => {
                "perf_event_open is refused: this process has no cap_perfmon".to_owned()
            }
            Self::UserNamespace => {
                "perf_event_open is refused: root inside a user namespace may not trace the host"
                    .to_owned()
            }
            Self::Seccomp => {
                "perf_event_open is refused although cap_perfmon is there: most likely by the container's seccomp filter".to_owned()
            }
            Self::SecurityModule => {
                "perf_event_open is refused although cap_perfmon is there: most likely by a security module or kernel lockdown".to_owned()
            }
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Privilege(_) => "run as root, or grant cap_perfmon",
            Self::UserNamespace => "run outside the container, as root of the host",
            Self::Seccomp => {
                "run outside the container, or allow perf_event_open in its seccomp profile"
            }
            Self::SecurityModule => "allow perf_event in the security policy",
        }
    }
}

impl std::fmt::Display for TraceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason())?;
        match self.remedy() {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TraceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tracefs { error, .. } | Self::RingMemory(error) | Self::Io { error, .. } => {
                Some(error)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_explained_by_what_the_process_may_do() {
        let nobody = Privileges { paranoid: Some(2), ..Privileges::default() };
        assert_eq!(nobody.refusal(), PerfRefusal::Privilege(Some(2)));
        let filtered = Privileges { seccomp_filter: true, ..nobody };
        assert_eq!(filtered.refusal(), PerfRefusal::Privilege(Some(2)));
        let root = Privileges { may_trace: true, ..nobody };
        assert_eq!(root.refusal(), PerfRefusal::SecurityModule);
        assert_eq!(Privileges { seccomp_filter: true, ..root }.refusal(), PerfRefusal::Seccomp);
        let contained = Privileges { in_user_namespace: true, seccomp_filter: true, ..root };
        assert_eq!(contained.refusal(), PerfRefusal::UserNamespace);
    }

    #[test]
    fn the_initial_user_namespace_is_known_by_its_map() {
        assert!(maps_everyone("         0          0 4294967295\n"));
        assert!(!maps_everyone("         0       1000          1\n"));
        assert!(maps_everyone(""));
    }

    #[test]
    fn every_message_says_what_would_help() {
        let error = |errno| io::Error::from_raw_os_error(errno);
        let mounted_at = Some(PathBuf::from("/sys/kernel/tracing"));
        for (trouble, text) in [
            (
                TraceError::Tracefs { mounted_at, error: error(libc::EACCES) },
                "the kernel's list of trace events in /sys/kernel/tracing cannot be read: \
                 Permission denied (os error 13); run as root, or grant cap_perfmon and \
                 cap_dac_read_search",
            ),
            (
                TraceError::Tracefs { mounted_at: None, error: error(libc::EPERM) },
                "the kernel's list of trace events (tracefs) is not mounted and cannot be \
                 reached without: Operation not permitted (os error 1); run as root, or mount \
                 it once (mount -t tracefs tracefs /sys/kernel/tracing) and grant cap_perfmon \
                 and cap_dac_read_search",
            ),
            (
                TraceError::NoTracepoint(Tracepoint::SetState),
                "this kernel has no tracepoint sock:inet_sock_set_state; it needs Linux 4.16 or \
                 later with event tracing built in",
            ),
            (
                TraceError::Refused(PerfRefusal::Privilege(Some(2))),
                "perf_event_open is refused: kernel.perf_event_paranoid is 2 and this process \
                 has no cap_perfmon; run as root, or grant cap_perfmon",
            ),
            (
                TraceError::Descriptors { needed: 256 },
                "tracing needs 256 file descriptors, more than this process may have; raise the \
                 limit of open files (ulimit -n)",
            ),
        ] {
            assert_eq!(trouble.to_string(), text);
        }
    }
}
