//! A hundred thousand sockets, while some of them come and go: every way to read them gives the
//! same rows, and `ss` has them too.
//!
//! The population is the one of `benches/compare`. It needs root, for a connection table of its
//! own; `SOCKSTATE_CROWD=10000` makes it smaller.

mod answers;
#[path = "../../../benches/compare/holder.rs"]
pub mod holder;
#[path = "../../../benches/compare/namespace.rs"]
mod namespace;
#[path = "../../../benches/compare/population.rs"]
mod population;
mod trials;

pub use trials::trials;
