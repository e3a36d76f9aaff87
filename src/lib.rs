//! The state of every socket on a Linux server, from the kernel to the screen.
//!
//! The modules below stand in floor order, lowest first; a module names only
//! modules of floors below its own. ARCHITECTURE.md is the map.

// Floor 0: bytes and text of the kernel.
pub mod kernel;
// Floor 1: what they mean.
pub mod model;
// Floor 2a, the brain: decisions, pure.
pub mod backlog;
pub mod budget;
pub mod chain;
pub mod filter;
pub mod group;
pub mod matrix;
pub mod rules;
pub mod track;
// What becomes of their answers over time, and what names mean; pure as well.
pub mod alert;
pub mod explain;
// Floor 2b, the hands: system calls and what is made of them.
pub mod source;
pub mod sys;
// Floor 3: what a command shows.
pub mod machine;
pub mod query;
pub mod survey;
// What goes on over time, and the answers of one-shot commands.
pub mod answer;
pub mod live;
// Floor 4: Frame to bytes.
pub mod output;
// Floor 5: the live terminal.
pub mod tui;
// Floor 6: arguments to exit status.
pub mod cli;
