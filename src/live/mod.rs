//! What goes on over time: one loop that looks again and again, one judge,
//! the kernel's own events, and what is remembered of the last minutes.

mod baseline;
mod checked;
mod cpu_budget;
mod exact;
mod feed;
pub mod history;
mod judge;
mod naming;
mod owner_source;
mod round;
mod rounds;
mod schedule;
mod stream;

pub use baseline::GrowthBase;
pub use checked::{Checked, CustomCount};
pub use cpu_budget::CpuBudget;
pub use feed::Events;
pub use judge::{CheckStatus, Judged};
pub use round::{Round, Wishes};
pub use rounds::{Rounds, Watched};
pub use schedule::{AtEnd, Next, Schedule, Watch, run};
pub use stream::{Stream, StreamItem};
