//! What is fetched of the rows on the screen alone: their details by an exact
//! request each, instead of `tcp_info` of every socket of the machine, the
//! command lines of who holds the selected one, and names for numbers. The
//! thread that lists fetches it; what has come is here, and drawing shows it.

use rustc_hash::FxHashMap;

use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::table::Table;
use crate::sys::names::Names;

use super::rows::{RowKey, Services};

/// A request for them.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The sockets on the screen.
    pub sockets: Vec<Socket>,
    /// The processes whose command lines are shown.
    pub pids: Vec<u32>,
    /// Numbers or names for ports.
    pub services: Services,
    /// True while the screen is held: it shows names, and nothing newer.
    pub is_held: bool,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Fetched {
    /// Details, unless the screen was held.
    pub details: Option<FetchedDetails>,
    /// Every name that is known by now.
    pub names: Names,
}

/// Details of some rows.
#[derive(Debug, Default)]
pub struct FetchedDetails {
    /// The time of the request, nanoseconds by `CLOCK_MONOTONIC`.
    pub asked_ns: u64,
    /// The rows.
    pub rows: Table,
    /// Command lines by process id.
    pub command_lines: FxHashMap<u32, String>,
}

/// They are asked for again after so long.
const REFRESH_NS: u64 = 1_000_000_000;

/// The details that have come, and the last request.
#[derive(Debug)]
pub struct RowDetails {
    details: FetchedDetails,
    /// Names for numbers; nobody is asked for more.
    pub names: Names,
    asked: Option<LastRequest>,
}

/// A request that was made: by which sockets, not by what they were like then.
#[derive(Debug)]
struct LastRequest {
    sockets: Vec<RowKey>,
    pids: Vec<u32>,
    services: Services,
    is_held: bool,
    at_ns: u64,
}

impl LastRequest {
    fn new(request: &Request, at_ns: u64) -> Self {
        Self {
            sockets: request.sockets.iter().map(RowKey::of).collect(),
            pids: request.pids.clone(),
            services: request.services,
            is_held: request.is_held,
            at_ns,
        }
    }

    /// Returns whether this answers the other one too.
    fn serves(&self, other: &Self) -> bool {
        let is_fresh = other.is_held || other.at_ns.saturating_sub(self.at_ns) < REFRESH_NS;
        is_fresh
            && self.sockets == other.sockets
            && self.pids == other.pids
            && self.services == other.services
            && self.is_held == other.is_held
    }
}

impl Default for RowDetails {
    fn default() -> Self {
        let names = Names::default().known();
        Self { details: FetchedDetails::default(), names, asked: None }
    }
}

impl RowDetails {
    /// Returns what of a request is to be made now: nothing where the same was
    /// made a moment ago, or nothing is on the screen.
    pub fn due(&mut self, request: Request, now_ns: u64) -> Option<Request> {
        if request.sockets.is_empty() {
            self.asked = None;
            return None;
        }
        let now = LastRequest::new(&request, now_ns);
        if self.asked.as_ref().is_some_and(|before| before.serves(&now)) {
            return None;
        }
        self.asked = Some(now);
        Some(request)
    }

    /// Forgets when it asked: there are newer rows.
    pub fn expire(&mut self) {
        self.asked = None;
    }

    /// Takes in the answer to a request.
    pub fn take(&mut self, fetched: Fetched) {
        self.names = fetched.names;
        if let Some(details) = fetched.details {
            self.details = details;
        }
    }

    /// Returns a listed row with all its details, where they have come, unless
    /// they are older than the list and of another state.
    pub fn of(&self, listed: &Row<'_>, listed_ns: u64) -> Option<Row<'_>> {
        let key = RowKey::of(&listed.socket);
        let row = self.details.rows.iter().find(|row| RowKey::of(&row.socket) == key)?;
        let fits = self.details.asked_ns >= listed_ns || row.socket.state == listed.socket.state;
        fits.then_some(row)
    }

    /// Returns the command line of a process; empty until it has come.
    pub fn command_line(&self, pid: u32) -> &str {
        self.details.command_lines.get(&pid).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::identity::Identity;
    use crate::model::proto::TableId;
    use crate::model::socket::{Ends, SocketType};
    use crate::model::state::State;

    fn request(cookie: u64) -> Request {
        let ends = Ends::Unix { kind: SocketType::Stream };
        let identity = Identity { table: TableId::ALL[0], cookie, ends, ifindex: 0, inode: 0 };
        let socket = Socket::of_identity(&identity, State::Established);
        Request { sockets: vec![socket], ..Request::default() }
    }

    #[test]
    fn the_same_is_asked_for_once_a_second_and_other_rows_at_once() {
        let mut details = RowDetails::default();
        let mut is_due = |request, at_ns| details.due(request, at_ns).is_some();
        assert!(is_due(request(1), 0));
        assert!(!is_due(request(1), REFRESH_NS - 1));
        assert!(is_due(request(1), REFRESH_NS));
        assert!(is_due(request(2), REFRESH_NS + 1), "the rows moved");
        let named = || Request { services: Services::Names, ..request(2) };
        assert!(is_due(named(), REFRESH_NS + 2));
        let held = || Request { is_held: true, ..named() };
        assert!(is_due(held(), REFRESH_NS + 3));
        assert!(!is_due(held(), 9 * REFRESH_NS), "nothing newer is shown");
        assert!(!is_due(Request::default(), 9 * REFRESH_NS), "nothing is on the screen");
        details.expire();
        assert!(details.due(held(), 9 * REFRESH_NS).is_some());
    }
}
