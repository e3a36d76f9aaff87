//! The numbers of this machine that explanations carry.

use std::ops::ControlFlow;

use crate::explain::{Known, Page};
use crate::model::gap::Gap;
use crate::model::proto::{Proto, TableId};
use crate::model::snapshot::StateCounts;
use crate::model::want::Want;

use crate::machine::Machine;

/// A page with this machine's numbers.
pub struct Explained {
    /// The page.
    pub page: Page,
    /// TCP sockets per state, where the page needs them and they could be
    /// counted.
    pub counts: Option<StateCounts>,
    /// The gaps: what could not be seen.
    pub gaps: Vec<Gap>,
}

/// Fills a page; sockets are counted when it shows any, or `count` asks
/// for them. What cannot be read is said to be not known.
pub fn explain(machine: &Machine, page: &Page, count: bool) -> Explained {
    let (host, mut gaps) = machine.host();
    let counts = if count || page.needs_counts() { tcp_counts(machine, &mut gaps) } else { None };
    let page = page.fill(&Known { counts: counts.as_ref(), host: &host });
    Explained { page, counts, gaps }
}

/// Counts TCP sockets per state.
fn tcp_counts(machine: &Machine, gaps: &mut Vec<Gap>) -> Option<StateCounts> {
    let tcp = TableId::ALL.into_iter().filter(|table| table.proto == Proto::Tcp).collect();
    let mut counts = StateCounts::default();
    let scanned = machine.scan(&Want::all_of(tcp), &mut |row| {
        counts.add(row.socket.state);
        ControlFlow::Continue(())
    });
    match scanned {
        Ok(report) => {
            gaps.extend(report.gaps);
            Some(counts)
        }
        Err(error) => {
            gaps.push(Gap::new("tcp", error.to_string()));
            None
        }
    }
}
