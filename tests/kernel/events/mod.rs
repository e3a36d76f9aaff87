//! `events`: real connections, and what the program tells of them.
//!
//! Each trial has a network namespace of its own, but tracepoints see every namespace: with them
//! a trial looks at the ports it used itself.

mod ends;
mod lines;
mod lives;
mod overload;
mod paths;
mod selection;
mod shape;
mod watch;

use crate::kit::Trial;

/// All trials.
pub fn trials() -> Vec<Trial> {
    let parts = [
        lives::trials(),
        paths::trials(),
        overload::trials(),
        ends::trials(),
        lines::trials(),
        selection::trials(),
    ];
    parts.into_iter().flatten().map(Trial::that_listens).collect()
}
