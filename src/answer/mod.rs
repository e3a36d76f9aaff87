//! Answers of one-shot commands: counts, explanations, details of single
//! sockets, closing them.

mod count;
mod destroy;
mod explain;
mod quick_count;
mod row_details;

pub use count::{Count, Group, KeyValue, count, grouped};
pub use destroy::{Destroyed, destroy, record};
pub use explain::{Explained, explain};
pub use row_details::{command_line, holds, row_details};
