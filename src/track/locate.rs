//! The record that an event means: by cookie, by ends, by what is left of them.

use crate::model::lifecycle::{self, can_become};
use crate::model::state::State;
use crate::model::transition::{Reason, Source};

use super::event::ExactEvent;
use super::pending::{LookFinding, Pending};
use super::record::{Flag, Record};
use super::timeline::Phase;
use super::{Tracker, TransitionSink};

/// The record that an event means.
pub(super) enum Located {
    At(u32),
    Nowhere,
    /// Several would do.
    Unclear,
}

impl Tracker {
    /// Finds the record that an event means.
    pub(super) fn locate(
        &mut self,
        event: &ExactEvent,
        probe: &Record,
        out: &mut TransitionSink<'_>,
    ) -> Located {
        let ring = &self.ring;
        if probe.cookie != 0 {
            // A `struct sock` and a minisocket it left behind share the
            // cookie; events are about the former.
            let by_likeness =
                |at: &u32| ring.get(*at).map(|r| (r.has(Flag::Mini), !r.same_ends_loosely(probe)));
            let found = self.index.by_cookie(ring, probe.cookie).min_by_key(by_likeness);
            if let Some(at) = found {
                return Located::At(at);
            }
        }
        // A reset socket is destroyed without its ends (`tcp_disconnect` clears
        // them); what is left can look like a listener's.
        let bare = event.source == Source::Destroy && probe.is_tcp() && !probe.has_peer();
        if probe.lacks_port()
            && let Some(at) = self.find_whole(probe)
        {
            return Located::At(at);
        }
        if bare || probe.is_partial() {
            return Located::Nowhere;
        }
        let compatible = |at: &u32| {
            ring.get(*at)
                .is_some_and(|r| r.cookie == 0 || probe.cookie == 0 || r.cookie == probe.cookie)
        };
        let found: Vec<u32> = self.index.by_ends(ring, probe).filter(compatible).collect();
        if probe.has_peer()
            && let Some(place) = self.locate_replaced(&found, event, out)
        {
            return place;
        }
        match *found.as_slice() {
            [] => self.locate_partial(probe),
            _ if probe.has_peer() => self.locate_connection(&found, event),
            // Of several listeners with the same ends none is meant for sure.
            [at] if event.to == State::Close => Located::At(at),
            _ if event.to == State::Close => Located::Unclear,
            // Another listener with the same ends, unless a row awaits its event.
            _ => self.locate_listener(&found),
        }
    }

    /// Tells whether the last look shows no socket with the ends of an event.
    pub fn lacks(&mut self, event: &ExactEvent) -> bool {
        let (ring, probe) = (&self.ring, Record::bare(&event.identity, event.to));
        let unseen = |at| ring.get(at).is_some_and(|record| record.has(Flag::Unseen));
        self.index.by_ends(ring, &probe).all(unseen)
    }

    /// Chooses, of several connections with the same ends (on other devices, or
    /// one after the other within one dump), the one that the event fits.
    fn locate_connection(&mut self, places: &[u32], event: &ExactEvent) -> Located {
        let fit = |tracker: &mut Self, at: u32| {
            let state = tracker.ring.get(at).map(Record::state);
            let shown = tracker.finding(at).filter(|f| f.finding == LookFinding::Opened);
            match shown.map(|found| can_become(event.to, found.observed())) {
                // A row that began with something else is of a later life.
                Some(leads_there) if begins(event) => leads_there.then_some(0),
                Some(_) => Some(2),
                None => Some(u8::from(state != event.from)),
            }
        };
        let fits = places.iter().filter_map(|at| Some((fit(self, *at)?, *at)));
        fits.min().map_or(Located::Nowhere, |(_, at)| Located::At(at))
    }

    /// Finds the replaced socket: where a row took the place of a socket with the
    /// same ends, that socket is meant until something begins; then it has ended.
    fn locate_replaced(
        &mut self,
        places: &[u32],
        event: &ExactEvent,
        out: &mut TransitionSink<'_>,
    ) -> Option<Located> {
        let replaced = |f: &&mut Pending| f.reason == Some(Reason::TupleReused);
        let old = places.iter().find_map(|at| self.finding(*at).filter(replaced).copied())?;
        let mini = self.ring.get(old.at).is_some_and(|record| record.has(Flag::Mini));
        if !begins(event) && !mini {
            return Some(Located::At(old.at));
        }
        self.settle_missing(&old, event.at, out);
        self.close_finding(old.at);
        places.iter().find(|at| **at != old.at).map(|at| Located::At(*at))
    }

    /// Finds a listener that begins: a bound socket, or a row that this look
    /// found.
    fn locate_listener(&mut self, places: &[u32]) -> Located {
        for at in places {
            let idle = self.ring.get(*at).is_some_and(Record::is_idle);
            if idle || self.finding(*at).is_some_and(|f| f.finding == LookFinding::Opened) {
                return Located::At(*at);
            }
        }
        Located::Nowhere
    }

    /// Finds a row of this look that can be the connect() of an event without a
    /// local port.
    fn find_whole(&self, probe: &Record) -> Option<u32> {
        let mut opened = self.pending.iter().filter(|found| found.finding == LookFinding::Opened);
        let shown = opened.find(|found| {
            can_become(State::SynSent, found.observed())
                && self.ring.get(found.at).is_some_and(|record| record.fills(probe))
        });
        shown.filter(|_| self.times.phase == Phase::Seen).map(|found| found.at)
    }

    /// Finds the connect() that got its local port meanwhile.
    fn locate_partial(&mut self, probe: &Record) -> Located {
        if !probe.has_peer() || self.partials.is_empty() {
            return Located::Nowhere;
        }
        let ring = &self.ring;
        let hash = probe.hash_remote(&self.hasher);
        let fits = |at: &u32| ring.get(*at).is_some_and(|r| r.lacks_port() && probe.fills(r));
        let group: Vec<u32> =
            self.partials.iter_hash(hash).filter(|at| fits(at)).copied().collect();
        let Some(at) = group.first().copied() else { return Located::Nowhere };
        if group.len() > 1 {
            self.widen(&group);
        }
        if let Ok(entry) = self.partials.find_entry(hash, |place| *place == at) {
            entry.remove();
        }
        if let Some(record) = self.ring.get_mut(at) {
            record.take_ends(probe);
        }
        self.index.add(&self.ring, at);
        Located::At(at)
    }
}

/// Tells whether a socket, or a connection of it, begins with this event.
pub(super) fn begins(event: &ExactEvent) -> bool {
    event.from.is_some_and(|from| lifecycle::begins(from, event.to))
}
