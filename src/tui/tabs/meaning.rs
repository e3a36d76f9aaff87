//! The meaning of a socket's state, with that socket's own numbers.

use crate::model::human;
use crate::model::proto::Proto;
use crate::model::queues::{AcceptQueue, EndOfFile, Queues};
use crate::model::row::Row;
use crate::model::socket::TimerKind;
use crate::model::standing::Standing;
use crate::model::state::State;

/// Returns a sentence; empty where nothing is known beyond the state's name.
pub fn meaning(row: &Row<'_>) -> String {
    match Queues::of(row) {
        Queues::Accept(queue) => listening(queue),
        Queues::Bytes { recv, send } => match row.socket.table.proto {
            Proto::Tcp | Proto::Mptcp => connection(row, recv, send),
            _ => datagrams(row),
        },
    }
}

/// Returns both queues as they are, what is not known as `?`; that of a
/// listener is what its state means.
pub fn queues(row: &Row<'_>) -> Option<String> {
    match Queues::of(row) {
        Queues::Accept(_) => None,
        Queues::Bytes { recv, send } => {
            Some(format!("receive queue {}  send queue {} bytes", number(recv), number(send)))
        }
    }
}

/// Returns the running timer: `timer retransmit, fires in 1.2 s, 3
/// retransmits`.
pub fn timer(row: &Row<'_>) -> Option<String> {
    let timer = row.socket.timer?;
    let counted = match timer.kind {
        TimerKind::Probe | TimerKind::Keepalive => "unanswered probe",
        TimerKind::TimeWait => "",
        _ => "retransmit",
    };
    let counted = match (counted, timer.retransmits) {
        ("", _) => String::new(),
        (what, n) => format!(", {}", human::plural(n.into(), what)),
    };
    let fires = human::duration(timer.expires_ms.into());
    Some(format!("timer {}, fires in {fires}{counted}", timer.kind.name()))
}

fn number(n: Option<u32>) -> String {
    n.map_or("?".to_owned(), |n| human::count(n.into()))
}

fn bytes(n: Option<u32>) -> String {
    n.map_or("an unknown number of bytes".to_owned(), |n| human::plural(n.into(), "byte"))
}

fn listening(queue: AcceptQueue) -> String {
    let full = match queue.is_full() {
        Some(true) => "; it is full, the next one is dropped",
        _ => "",
    };
    format!(
        "{} complete connections wait to be accepted, {} may{full}; {} packets were dropped here",
        number(queue.len),
        number(queue.limit),
        number(queue.drops)
    )
}

/// Explains sockets without a conversation that the kernel keeps.
fn datagrams(row: &Row<'_>) -> String {
    let peer = match row.socket.state {
        State::Established => "has one peer",
        State::Close => "has no peer, takes in what comes from anywhere",
        _ => return String::new(),
    };
    let drops = row.facts.drops().filter(|drops| *drops > 0);
    let drops = drops.map_or(String::new(), |n| {
        format!("; {} dropped since it is open", human::plural(n.into(), "packet"))
    });
    // A unix socket without a name takes in nothing from anywhere.
    if row.socket.table.proto == Proto::Unix && row.socket.state == State::Close {
        return format!("has no peer{drops}");
    }
    format!("{peer}{drops}")
}

fn connection(row: &Row<'_>, recv: Option<u32>, send: Option<u32>) -> String {
    let repeats = repeats(row);
    match row.socket.state {
        State::SynSent => format!("connecting: no answer to our SYN yet{repeats}"),
        State::SynRecv => {
            format!("a client is connecting: our SYN-ACK is not acknowledged yet{repeats}")
        }
        State::Established => match Standing::of(row) {
            Standing::Unaccepted => {
                format!("complete, but no process has accepted it; {} unread", bytes(recv))
            }
            _ => format!(
                "{} unread here, {} not acknowledged by the peer{repeats}",
                bytes(recv),
                bytes(send)
            ),
        },
        State::CloseWait => close_wait(row, recv),
        State::FinWait1 => format!(
            "closed here; the peer has not acknowledged it, {} outstanding{repeats}",
            bytes(send)
        ),
        State::FinWait2 => fin_wait2(row),
        State::Closing => format!(
            "both closed at the same time; the peer has not acknowledged our end yet{repeats}"
        ),
        State::LastAck => {
            format!("closed by both; the peer has not acknowledged our end yet{repeats}")
        }
        State::TimeWait => time_wait(row),
        State::Close => "neither connected nor listening: not connected yet, or its connection is \
                         over and it is still open here"
            .to_owned(),
        State::Bound => "bound to a port, neither listening nor connected".to_owned(),
        State::Listen | State::Unknown(_) => String::new(),
    }
}

/// Returns how often the kernel has tried, and when it does again.
fn repeats(row: &Row<'_>) -> String {
    let timer = row.socket.timer;
    let Some(timer) = timer.filter(|timer| timer.kind == TimerKind::Retransmit) else {
        return String::new();
    };
    let next = human::duration(timer.expires_ms.into());
    let what = match row.socket.state {
        // With TCP_DEFER_ACCEPT the timer counts on, and nothing is sent.
        State::SynRecv => "timeout",
        _ => "retransmit",
    };
    format!("; {}, the next in {next}", human::plural(timer.retransmits.into(), what))
}

fn close_wait(row: &Row<'_>, recv: Option<u32>) -> String {
    let who = match Standing::of(row) {
        Standing::Unaccepted => "no process has accepted it",
        _ => match EndOfFile::of(row) {
            Some(EndOfFile::Read) => "the application has read that and must call close()",
            Some(EndOfFile::Unread) => "the application has not read that yet",
            Some(EndOfFile::DataUnread) => "the application has not read all it sent",
            None => "the application owes a close()",
        },
    };
    // The end of file counts as one byte until it is read.
    let unread = recv.map_or(0, |n| n.saturating_sub(1));
    let unread = match unread {
        0 => String::new(),
        n => format!("; {} unread: close() would reset", bytes(Some(n))),
    };
    format!("the peer closed, {who}{unread}")
}

fn fin_wait2(row: &Row<'_>) -> String {
    let start = "closed here and acknowledged; the peer has not closed its side";
    let timer = row.socket.timer.map(|timer| human::duration(timer.expires_ms.into()));
    match (Standing::of(row), timer) {
        (Standing::Descriptor, _) => {
            format!("{start}; a process still holds it, so it may stay for any time")
        }
        (_, Some(left)) => format!("{start}; no process holds it, the kernel ends it in {left}"),
        (_, None) => format!("{start}; no process holds it"),
    }
}

fn time_wait(row: &Row<'_>) -> String {
    let left = match row.socket.timer.map(|timer| timer.expires_ms) {
        None => "kept for 60s".to_owned(),
        Some(0) => "its 60s are over".to_owned(),
        Some(ms) => format!("kept for {} of 60s more", human::duration(ms.into())),
    };
    format!("closed by both sides; {left}, so that late segments do no harm")
}
