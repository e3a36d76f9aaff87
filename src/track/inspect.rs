//! The tracker's beliefs, for tests to compare with the truth.

use crate::model::identity::Identity;
use crate::model::moment::Moment;
use crate::model::state::State;
use crate::model::transition::Ownership;

use super::Tracker;

/// A socket as the tracker knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// The socket's identity.
    pub identity: Identity,
    /// Its state.
    pub state: State,
    /// The state began not before this, where known …
    pub since_min: Option<Moment>,
    /// … and not after this.
    pub since_max: Moment,
    /// The processes that hold it or held it, where known.
    pub owner: Option<Ownership>,
}

impl Tracker {
    /// Returns every socket present. Findings that are not settled are not in it.
    pub fn iter(&self) -> impl Iterator<Item = Tracked> {
        self.ring.iter().map(|(_, record)| Tracked {
            identity: record.identity(),
            state: record.state(),
            since_min: record.since.min(self.times.epoch),
            since_max: record.since.max(self.times.epoch),
            owner: self.ownership(record),
        })
    }
}
