//! Where rows come from, and the host's parameters and counters.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::model::gap::Gap;
use crate::model::host::Host;
use crate::model::table::Table;
use crate::model::want::Want;
use crate::source::{Choice, Live, Report, Shortcuts, Sink, SourceError, file};
use crate::sys::cgroups::Cgroups;
use crate::sys::procfs;

/// Holds the places from which everything is read.
pub struct Machine {
    origin: RowOrigin,
    proc_root: PathBuf,
    shortcuts: Shortcuts,
}

/// The origin of rows.
enum RowOrigin {
    Live(Live),
    File(PathBuf),
}

/// Rows that were kept, with the report of the scan that brought them.
pub struct Kept {
    /// The rows.
    pub table: Table,
    /// The sources that served them, and the gaps.
    pub report: Report,
}

impl Machine {
    /// Opens the running machine, in the calling thread's network namespace.
    pub fn new(choice: Choice, proc_root: &Path) -> Self {
        Self::with_shortcuts(choice, proc_root, Shortcuts::default())
    }

    /// Opens the same, with a say in how the work is done; the answers are the
    /// same.
    pub fn with_shortcuts(choice: Choice, proc_root: &Path, shortcuts: Shortcuts) -> Self {
        let live = Live::with_shortcuts(choice, proc_root.to_owned(), shortcuts);
        Self { origin: RowOrigin::Live(live), proc_root: proc_root.to_owned(), shortcuts }
    }

    /// Makes a machine for the rows of a recorded dump.
    pub fn of_file(path: &Path, proc_root: &Path) -> Self {
        let (origin, proc_root) = (RowOrigin::File(path.to_owned()), proc_root.to_owned());
        Self { origin, proc_root, shortcuts: Shortcuts::default() }
    }

    /// Tells whether rows come from the running kernel.
    pub fn is_live(&self) -> bool {
        matches!(self.origin, RowOrigin::Live(_))
    }

    /// Tells whether rows and host facts are of one namespace: another procfs may
    /// show another one's counters.
    pub fn sees_own_namespace(&self) -> bool {
        self.is_live() && self.proc_root == Path::new("/proc")
    }

    /// Streams the rows that `want` names.
    ///
    /// # Errors
    /// When no table could be read.
    pub fn scan(&self, want: &Want, sink: &mut Sink<'_>) -> Result<Report, SourceError> {
        match &self.origin {
            RowOrigin::Live(live) => live.scan(want, sink),
            RowOrigin::File(path) => file::scan(path, want, sink),
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
            ControlFlow::Continue(())
        })?;
        Ok(Kept { table, report })
    }

    /// Reads the parameters and counters.
    pub fn host(&self) -> (Host, Vec<Gap>) {
        procfs::host(&self.proc_root)
    }

    /// Returns the procfs that processes and host facts are read from.
    pub fn proc_root(&self) -> &Path {
        &self.proc_root
    }

    /// Returns which of the quicker ways may be taken.
    pub fn shortcuts(&self) -> Shortcuts {
        self.shortcuts
    }

    /// Reads the paths of cgroups.
    pub fn cgroups(&self) -> Cgroups {
        Cgroups::load(&self.proc_root)
    }
}
