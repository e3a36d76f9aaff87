//! The running kernel's tables, each from whichever source can serve it.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::model::proto::{Family, Proto, TableId};
use crate::model::state::{State, StateSet};
use crate::model::want::Want;
use crate::sys::netlink::DiagSocket;
use crate::sys::{procfs, tcp_census};

use super::choice::{Choice, Shortcuts};
use super::reading::{Reading, Sink};
use super::report::{Failure, Report, Served, SourceError};
use super::{netlink, parallel, proc};

/// The wanted rows, and the part of them that the kernel need be asked for.
#[derive(Clone, Copy)]
struct AskedTables<'w> {
    want: &'w Want,
    netlink: &'w Want,
}

/// The running kernel's tables.
pub struct Live {
    choice: Choice,
    proc_root: PathBuf,
    shortcuts: Shortcuts,
}

impl Live {
    /// Opens the tables of the network namespace that is looked into, with a say in how
    /// the work is done.
    pub fn with_shortcuts(choice: Choice, proc_root: PathBuf, shortcuts: Shortcuts) -> Self {
        Self { choice, proc_root, shortcuts }
    }

    /// Reads what `want` names and hands every row to `sink`.
    ///
    /// # Errors
    /// When not one of the tables could be read; a table that failed beside
    /// others that did not is a gap in the report.
    pub fn scan(&self, want: &Want, sink: &mut Sink<'_>) -> Result<Report, SourceError> {
        let mut report = Report::default();
        let mut failures = Vec::new();
        let mut netlink = match self.choice {
            Choice::Proc => Err("--source proc".to_owned()),
            _ => DiagSocket::open().map_err(|error| format!("no sock_diag socket: {error}")),
        };
        let mut tables = want.tables.as_slice();
        let lean = netlink.as_ref().ok().and_then(|_| self.lean(want));
        let asked = AskedTables { want, netlink: lean.as_ref().unwrap_or(want) };
        if let Some(flow) = self.both_tcp(asked.netlink, &mut netlink, &mut report, sink) {
            tables = &want.tables[2..];
            if flow.is_break() {
                tables = &[];
            }
        }
        for table in tables {
            let flow = match self.table(*table, asked, &mut netlink, &mut report, sink) {
                Ok(flow) => flow,
                Err(failure) => {
                    failures.push(failure);
                    ControlFlow::Continue(())
                }
            };
            if flow.is_break() {
                break;
            }
        }
        report.conclude(failures)
    }

    /// Returns the same rows by less work, where the kernel need not look for
    /// some.
    fn lean(&self, want: &Want) -> Option<Want> {
        let nowhere = StateSet::from_iter([State::Close, State::Bound]);
        let tcp = want.tables.iter().filter(|table| table.proto == Proto::Tcp);
        let mut asked = tcp.map(|table| want.states_of(*table));
        let asks = asked.any(|states| states != states.without(nowhere));
        let none = asks && self.shortcuts.census && tcp_census::all_in_tables(&self.proc_root);
        none.then(|| want.without(Proto::Tcp, nowhere))
    }

    /// Reads both TCP tables in one walk, where they come first and are wanted
    /// alike. `None` when that is not so or the kernel does not do it: then each
    /// is read for itself, which tells why.
    fn both_tcp(
        &self,
        want: &Want,
        netlink: &mut Result<DiagSocket, String>,
        report: &mut Report,
        sink: &mut Sink<'_>,
    ) -> Option<ControlFlow<()>> {
        let [v4, v6, ..] = *want.tables.as_slice() else { return None };
        let tcp = (v4.proto, v6.proto) == (Proto::Tcp, Proto::Tcp);
        let alike = tcp && self.shortcuts.one_walk && want.reads_alike(v4, v6);
        let socket = netlink.as_mut().ok().filter(|_| alike)?;
        let helps = || parallel::is_worth_it(want.states_of(v4), &self.proc_root);
        let by_two = want.any_order && self.shortcuts.two_threads.unwrap_or_else(helps);
        let (first, second) = netlink::read_tcp(socket, want, by_two, sink).ok()?;
        let flow = report.add(v4, Served::Netlink, first);
        let _ = report.add(v6, Served::Netlink, second);
        Some(flow)
    }

    fn table(
        &self,
        table: TableId,
        asked: AskedTables<'_>,
        netlink: &mut Result<DiagSocket, String>,
        report: &mut Report,
        sink: &mut Sink<'_>,
    ) -> Result<ControlFlow<()>, Failure> {
        let want = asked.want;
        let why = match netlink {
            Ok(socket) => match netlink::read(socket, table, asked.netlink, sink) {
                Ok(reading) => return Ok(report.add(table, Served::Netlink, reading)),
                Err(error) if cannot_serve(&error) && self.choice == Choice::Auto => {
                    format!("sock_diag: {error}")
                }
                Err(error) => return Err(Failure::new(table, format!("sock_diag: {error}"))),
            },
            Err(why) if self.choice == Choice::Netlink => {
                return Err(Failure::new(table, why.clone()));
            }
            Err(why) => why.clone(),
        };
        match proc::read(&self.proc_root, table, want, sink) {
            Ok(reading) => {
                let matters = reading.rows > 0 || proc::cannot_show(table, want);
                let loses = matters && proc::loses(table, want);
                let flow = report.add(table, Served::Proc, reading);
                // Columns are missing, not rows.
                report.gaps.extend(loses.then(|| proc::loss(table, &why)));
                Ok(flow)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.missing(table, &why, report)
            }
            Err(error) => Err(self.failure(table, &why, &error.to_string())),
        }
    }

    /// Notes a table that neither source has: without IPv6 there is nothing that
    /// could be hidden; otherwise it is a failure.
    fn missing(
        &self,
        table: TableId,
        why: &str,
        report: &mut Report,
    ) -> Result<ControlFlow<()>, Failure> {
        let ipv6_off = !procfs::has_net(&self.proc_root, "if_inet6");
        let proc_readable = procfs::has_net(&self.proc_root, "tcp");
        if table.family == Family::Inet6 && ipv6_off && proc_readable {
            return Ok(report.add(table, Served::Proc, Reading::default()));
        }
        if proc_readable {
            return Err(Failure::new(table, format!("not supported by this kernel ({why})")));
        }
        Err(self.failure(table, why, "no such table"))
    }

    /// Returns the failure of a table that neither source has: `why` is that of
    /// sock_diag, `error` that of `/proc/net`.
    fn failure(&self, table: TableId, why: &str, error: &str) -> Failure {
        let net = self.proc_root.join("net");
        Failure::new(table, format!("{why}; {}: {error}", net.display()))
    }
}

/// Tells whether an error means that sock_diag is not there for this table, or
/// not for us.
fn cannot_serve(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ENOENT
                | libc::EPROTONOSUPPORT
                | libc::EAFNOSUPPORT
                | libc::EOPNOTSUPP
                | libc::EPERM
                | libc::EACCES
        )
    )
}
