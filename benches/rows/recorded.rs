//! Recorded rows, and what is done with them.

use std::ops::ControlFlow;

use sockstate::testing::kernel::inet_diag::InetMessage;
use sockstate::testing::kernel::netlink::{Datagram, Dump};
use sockstate::testing::model::facts::Facts;
use sockstate::testing::model::proto::Proto;
use sockstate::testing::model::row::Row;
use sockstate::testing::model::socket::Socket;
use sockstate::testing::output::out::Out;
use sockstate::testing::output::style::Style;
use sockstate::testing::output::{json, text};
use sockstate::testing::query::Lookups;
use sockstate::testing::sys::names::Names;

/// A recorded dump.
pub fn recorded(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/recorded/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("the recording is part of the repository")
}

/// Hands every row to `each`; how many there were.
pub fn each_row(bytes: &[u8], each: &mut dyn FnMut(&Row<'_>)) -> u64 {
    let mut dump = Dump::new(1);
    let datagram = Datagram { bytes, full_len: bytes.len(), sender: 0 };
    dump.feed(datagram, &mut |payload| {
        if let Some(message) = InetMessage::parse(payload) {
            let socket = Socket::from_inet_diag(&message, Proto::Tcp);
            each(&Row { socket, facts: Facts::Inet(message.attributes) });
        }
        ControlFlow::Continue(())
    });
    dump.rows
}

/// Decodes and writes every row `repeat` times as text.
pub fn write_text(bytes: &[u8], repeat: usize) {
    let style = Style { color: false, width: None };
    let lookups = Lookups::default();
    let mut sink = std::io::sink();
    let mut out = Out::new(&mut sink);
    let layout = text::Layout::default();
    let mut list = text::SocketsText::new(&mut out, &style, layout, true, Names::new(false));
    for _ in 0..repeat {
        each_row(bytes, &mut |row| list.row(row, &lookups));
    }
    list.finish();
}

/// The same as JSON.
pub fn write_json(bytes: &[u8], repeat: usize) {
    let lookups = Lookups::default();
    let mut sink = std::io::sink();
    let mut out = Out::new(&mut sink);
    let mut list = json::SocketsJson::new(&mut out, json::DetailsJson::default());
    for _ in 0..repeat {
        each_row(bytes, &mut |row| list.row(row, &lookups));
    }
}
