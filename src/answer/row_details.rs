//! Single sockets and processes, looked at closely.

use std::ops::ControlFlow;

use crate::machine::Machine;
use crate::model::escape::escaped;
use crate::model::socket::Socket;
use crate::model::table::Table;
use crate::model::want::Extras;
use crate::source;
use crate::sys::processes;

/// Everything that a row can carry.
const EVERYTHING: Extras = Extras { tcp_info: true, congestion: true, tos: true, memory: true };

/// Reads the rows of these sockets with all their details, by an exact request
/// each; without those that are gone or cannot be asked for.
pub fn row_details(sockets: &[Socket]) -> Table {
    let mut table = Table::default();
    // Without sock_diag there are no details, which the scan has said.
    drop(source::exactly(sockets.iter(), EVERYTHING, &mut |row| {
        table.push(row);
        ControlFlow::Continue(())
    }));
    table
}

/// Tells whether a descriptor of a process is a socket's at this moment.
pub fn holds(machine: &Machine, pid: u32, fd: u32, inode: u32) -> bool {
    processes::holds(machine.proc_root(), pid, fd, inode)
}

/// Reads the command line of a process, escaped; empty where it cannot be read.
pub fn command_line(machine: &Machine, pid: u32) -> String {
    let words = processes::command_line(machine.proc_root(), pid).unwrap_or_default();
    words.iter().map(|word| escaped(word.as_bytes())).collect::<Vec<String>>().join(" ")
}
