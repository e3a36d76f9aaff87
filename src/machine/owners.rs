//! Who holds sockets, by one walk over the descriptors of every process, and
//! what that walk cannot see.

use rustc_hash::FxHashSet;

use crate::model::gap::Gap;
use crate::model::human;
use crate::model::owner::Owners;
use crate::sys::{capability, owners, procfs};

use super::tables::Machine;

impl Machine {
    /// Finds the holders of the sockets with these inodes; what could not be
    /// found out is a gap. Nothing is read when there is nothing to look for.
    pub fn owners(&self, inodes: impl IntoIterator<Item = u32>) -> (Owners, Option<Gap>) {
        let wanted = sockets_of(inodes);
        if wanted.is_empty() {
            return (Owners::default(), None);
        }
        if !self.is_live() {
            // Today's processes may hold other sockets by these numbers.
            return (Owners::default(), Some(no_owners(&wanted, "a recorded dump tells none")));
        }
        match owners::scan(self.proc_root(), Some(&wanted)) {
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

    /// Finds the same for sockets that are likely to be among the first
    /// descriptors of their holders. Where there are very many open files only
    /// those are read, if they show a holder of every socket; a gap says so.
    pub fn owners_of_listeners(
        &self,
        inodes: impl IntoIterator<Item = u32>,
    ) -> (Owners, Option<Gap>) {
        let wanted = sockets_of(inodes);
        let many = || procfs::open_files(self.proc_root()).is_some_and(|files| files > MANY_FILES);
        if wanted.is_empty() || !self.is_live() || !many() {
            return self.owners(wanted);
        }
        match owners::scan_first(self.proc_root(), &wanted) {
            Ok((owners, 0)) => {
                let gap = owner_gap(&wanted, &owners);
                (owners, gap)
            }
            Ok((owners, cut)) => (owners, Some(cut_gap(cut))),
            Err(_) => self.owners(wanted),
        }
    }
}

/// Returns the inodes that are of a socket: rows without an owner have none.
pub fn sockets_of(inodes: impl IntoIterator<Item = u32>) -> FxHashSet<u32> {
    inodes.into_iter().filter(|inode| *inode != 0).collect()
}

/// Returns the gap that says that nobody's owner could be found, and why.
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

/// Returns the gap that says that some processes were read in part only.
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

/// Returns the gap of the owners of `wanted` that permission or namespaces hide.
pub fn owner_gap(wanted: &FxHashSet<u32>, owners: &Owners) -> Option<Gap> {
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
