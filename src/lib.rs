//! The state of every socket on a Linux server, from the kernel to the screen.
//!
//! This library is the program in pieces and no stable API: everything but
//! [`run`] and [`lay_down_rights`] may change with any release. What scripts may
//! rely on is the program: its options, its exit status and its JSON, which
//! docs/json.md describes.
//!
//! The modules below stand in the order in which to read them, lowest first; a
//! module names only modules below its own. ARCHITECTURE.md is the map.

// Modules are private, so rustc's own lint sees hardly anything.
#![warn(clippy::missing_docs_in_private_items)]

// Floor 0: bytes and text of the kernel.
mod kernel;
// Floor 1: what they mean.
mod model;
// Floor 2a, the brain: decisions, pure.
mod backlog;
mod budget;
mod chain;
mod filter;
mod group;
mod matrix;
mod rules;
mod track;
// What becomes of their answers over time, and what names mean; pure as well.
mod alert;
mod explain;
// Floor 2b, the hands: system calls and what is made of them.
mod source;
mod sys;
// Floor 3: what a command shows.
mod machine;
mod query;
mod survey;
// What goes on over time, and the answers of one-shot commands.
mod answer;
mod live;
// Floor 4: Snapshot to bytes.
mod output;
// Floor 5: the live terminal.
mod tui;
// Floor 6: arguments to exit status.
mod cli;

pub use cli::run;
pub use sys::rights::lay_down as lay_down_rights;

// Shut with `--cfg closed`, so that rustc names what only tests would keep alive.
#[cfg(not(closed))]
#[doc(hidden)]
pub mod testing;
