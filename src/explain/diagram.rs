//! The picture of TCP's states, with the sockets in each.

use crate::model::human;
use crate::model::snapshot::StateCounts;
use crate::model::state::State;

/// Names the page that the picture belongs to.
pub const DIAGRAM: &str = "diagram";

const PICTURE: &str = include_str!("pages/diagram.txt");

/// Stands for a number in the picture.
const PLACE: &str = "#########";

/// Lists the states in the order in which their numbers stand in the picture.
const STATES: [State; 11] = [
    State::Close,
    State::Listen,
    State::SynSent,
    State::SynRecv,
    State::Established,
    State::FinWait1,
    State::Closing,
    State::CloseWait,
    State::FinWait2,
    State::LastAck,
    State::TimeWait,
];

/// Draws the picture, at most 80 columns wide; without counts the numbers are `?`.
pub fn diagram(counts: Option<&StateCounts>) -> String {
    let mut parts = PICTURE.split(PLACE);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (part, state) in parts.zip(STATES) {
        let number = counts.map_or("?".to_owned(), |counts| human::count(counts.get(state)));
        out += &format!("{number:^width$}", width = PLACE.len());
        out += part;
    }
    out
}
