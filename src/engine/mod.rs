//! Floor 3: puts together what a command shows.

mod check;
mod count;
mod dead_fds;
mod destroy;
mod exact;
mod explain;
mod feed;
pub mod fields;
mod frame;
mod glance;
pub mod history;
mod inspect;
mod keeper;
mod listeners;
mod lookups;
mod naming;
mod overview;
mod pace;
mod ports;
mod quick_count;
mod resolver;
mod selection;
mod stream;
mod watch;

pub use check::{Checked, Checker, OwnCount, Status};
pub use count::{Count, Group, KeyValue};
pub use destroy::{Destroyed, Refusal};
pub use explain::Explained;
pub use feed::Events;
pub use frame::{Ask, Looked};
pub use listeners::ListenersView;
pub use lookups::{Lookups, Subflows, UnixName};
pub use overview::{Overview, Top, TopKind};
pub use pace::Pace;
pub use ports::{Openers, PortsView};
pub use resolver::SystemNames;
pub use selection::{Means, Selection};
pub use stream::{Stream, Told};
pub use watch::{Round, Watched, Watcher, Wishes};

use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

use crate::model::gap::Gap;
use crate::model::host::Host;
use crate::model::human;
use crate::model::owner::Owners;
use crate::model::table::Table;
use crate::model::want::Want;
use crate::source::{Choice, Live, Report, Shortcuts, Sink, SourceError, file};
use crate::sys::{capability, owners, procfs};

/// Where everything is read from.
pub struct Engine {
    origin: Origin,
    proc_root: PathBuf,
    shortcuts: Shortcuts,
}

/// Where rows come from.
enum Origin {
    Live(Live),
    File(PathBuf),
}

/// Rows that were kept, with the report of the scan that brought them.
pub struct Kept {
    /// The rows.
    pub table: Table,
    /// Who served them, what is missing.
    pub report: Report,
}

impl Engine {
    /// An engine for the calling thread's network namespace.
    pub fn new(choice: Choice, proc_root: &Path) -> Self {
        Self::with_shortcuts(choice, proc_root, Shortcuts::default())
    }

    /// The same, with a say in how the work is done; the answers are the same.
    pub fn with_shortcuts(choice: Choice, proc_root: &Path, shortcuts: Shortcuts) -> Self {
        let live = Live::with_shortcuts(choice, proc_root.to_owned(), shortcuts);
        Self { origin: Origin::Live(live), proc_root: proc_root.to_owned(), shortcuts }
    }

    /// An engine for the rows of a recorded dump.
    pub fn of_file(path: &Path, proc_root: &Path) -> Self {
        let (origin, proc_root) = (Origin::File(path.to_owned()), proc_root.to_owned());
        Self { origin, proc_root, shortcuts: Shortcuts::default() }
    }

    /// Whether rows come from the running kernel.
    pub fn is_live(&self) -> bool {
        matches!(self.origin, Origin::Live(_))
    }

    /// Whether rows and host facts are of one namespace: another procfs may
    /// show another one's counters.
    fn sees_own_namespace(&self) -> bool {
        self.is_live() && self.proc_root == Path::new("/proc")
    }

    /// Streams the rows that `want` names.
    ///
    /// # Errors
    /// When no table could be read.
    pub fn scan(&self, want: &Want, sink: &mut Sink<'_>) -> Result<Report, SourceError> {
        match &self.origin {
            Origin::Live(live) => live.scan(want, sink),
            Origin::File(path) => file::scan(path, want, sink),
        }
    }

    /// Keeps the rows that `want` names.
    ///
    /// # Errors
    /// When no table could be read.
    pub fn keep(&self, want: &Want) -> Result<Kept, SourceError> {
        let mut table = Table::default();
        let report = self.scan(want, &mut |row| {
            table.push(row);
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(Kept { table, report })
    }

    /// Who holds the sockets with these inodes; what could not be found out
    /// is a gap. Nothing is read when there is nothing to look for.
    pub fn owners(&self, inodes: impl IntoIterator<Item = u32>) -> (Owners, Option<Gap>) {
        let wanted: FxHashSet<u32> = inodes.into_iter().filter(|inode| *inode != 0).collect();
        if wanted.is_empty() {
            return (Owners::default(), None);
        }
        if !self.is_live() {
            // Today's processes may hold other sockets by these numbers.
            return (Owners::default(), Some(no_owners(&wanted, "a recorded dump tells none")));
        }
        match owners::scan(&self.proc_root, Some(&wanted)) {
            Ok(owners) => {
                let gap = owner_gap(&wanted, &owners);
                (owners, gap)
            }
            Err(error) => {
                let gap = no_owners(&wanted, &error.to_string());
                (Owners::default(), Some(gap))
            }
        }
    }

    /// The same for sockets that are likely to be among the first descriptors of
    /// their holders. Where there are very many open files only those are read,
    /// if they show a holder of every socket; a gap says so.
    pub(crate) fn owners_of_listeners(
        &self,
        inodes: impl IntoIterator<Item = u32>,
    ) -> (Owners, Option<Gap>) {
        let wanted: FxHashSet<u32> = inodes.into_iter().filter(|inode| *inode != 0).collect();
        let many = || procfs::open_files(&self.proc_root).is_some_and(|files| files > MANY_FILES);
        if wanted.is_empty() || !self.is_live() || !many() {
            return self.owners(wanted);
        }
        match owners::scan_first(&self.proc_root, &wanted) {
            Ok((owners, 0)) => {
                let gap = owner_gap(&wanted, &owners);
                (owners, gap)
            }
            Ok((owners, cut)) => (owners, Some(cut_gap(cut))),
            Err(_) => self.owners(wanted),
        }
    }

    /// Parameters and counters.
    pub fn host(&self) -> (Host, Vec<Gap>) {
        procfs::host(&self.proc_root)
    }
}

/// That nobody's owner could be found, and why.
fn no_owners(wanted: &FxHashSet<u32>, why: &str) -> Gap {
    let all = wanted.len() as u64;
    Gap::new("owners", format!("{}: {why}", without_owner(all, all))).count(all)
}

fn without_owner(missing: u64, of: u64) -> String {
    let verb = if missing == 1 { "has" } else { "have" };
    format!("{} of {} {verb} no visible owner", human::count(missing), human::plural(of, "socket"))
}

/// Open files of the whole machine from which on not all are read without
/// being asked to: 0.1 s of work.
const MANY_FILES: u64 = 30_000;

/// Some processes were read in part only.
fn cut_gap(cut: u64) -> Gap {
    // It begins with the count, so that the footer puts none before it.
    let processes = match cut {
        1 => "1 process was".to_owned(),
        cut => format!("{} processes were", human::count(cut)),
    };
    let reason = format!(
        "{processes} read in part, the first descriptors only: a listener may have more holders"
    );
    Gap::new("owners", reason).count(cut).remedy("-p reads all")
}

/// What permission or namespaces hide of the owners of `wanted`.
fn owner_gap(wanted: &FxHashSet<u32>, owners: &Owners) -> Option<Gap> {
    let missing = wanted.iter().filter(|inode| !owners.holds(**inode)).count() as u64;
    if missing == 0 {
        return None;
    }
    let gap = Gap::new("owners", without_owner(missing, wanted.len() as u64)).count(missing);
    Some(if owners.hidden_processes > 0 && capability::sees_all_owners() {
        gap.remedy(
            "some processes are hidden even from root, by a security module or another \
             user namespace",
        )
    } else if owners.hidden_processes > 0 {
        gap.remedy("run as root, or grant cap_dac_read_search and cap_sys_ptrace")
    } else {
        gap.remedy(
            "unless they closed meanwhile: look from the PID namespace that holds them, or with a \
             /proc mounted without hidepid",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::owner::Holder;

    /// The footer puts no second number before one that is there.
    #[test]
    fn a_reason_for_no_owners_at_all_begins_with_its_numbers() {
        let gap = no_owners(&FxHashSet::from_iter([1, 2]), "a recorded dump tells none");
        assert_eq!(gap.reason, "2 of 2 sockets have no visible owner: a recorded dump tells none");
        assert_eq!(gap.count, Some(2));
    }

    #[test]
    fn processes_that_were_read_in_part_are_one_sentence() {
        let rest = "read in part, the first descriptors only: a listener may have more holders";
        assert_eq!(cut_gap(1).reason, format!("1 process was {rest}"));
        assert_eq!(cut_gap(6).reason, format!("6 processes were {rest}"));
        assert_eq!(cut_gap(6).count, Some(6));
    }

    #[test]
    fn the_owner_gap_counts_and_says_what_would_help() {
        let wanted: FxHashSet<u32> = [1, 2, 3].into_iter().collect();
        let mut owners = Owners::default();
        assert_eq!(owner_gap(&FxHashSet::default(), &owners), None);
        owners.add(1, Holder { pid: 9, fd: 3 });
        owners.hidden_processes = 4;
        let gap = owner_gap(&wanted, &owners).expect("two are missing");
        assert_eq!(gap.count, Some(2));
        assert_eq!(gap.reason, "2 of 3 sockets have no visible owner");
        let remedy = gap.remedy.expect("something would help");
        assert!(remedy.contains("cap_sys_ptrace") || remedy.contains("even from root"));
        owners.add(2, Holder { pid: 9, fd: 4 });
        owners.add(3, Holder { pid: 9, fd: 5 });
        assert_eq!(owner_gap(&wanted, &owners), None);
    }
}
