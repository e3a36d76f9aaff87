//! What one socket costs between the receive buffer and a record, and on to a
//! line of text. Run with `cargo bench --bench decode`; the time an item is
//! the figure.

use std::ops::ControlFlow;

use divan::Bencher;
use divan::counter::ItemsCount;
use sockstate::engine::Lookups;
use sockstate::kernel::inet_diag::InetMessage;
use sockstate::kernel::netlink::{Datagram, Dump};
use sockstate::model::facts::Facts;
use sockstate::model::row::Row;
use sockstate::model::socket::Socket;
use sockstate::model::want::Proto;
use sockstate::output::out::Out;
use sockstate::output::style::Style;
use sockstate::output::{json, text};
use sockstate::sys::names::Names;

const DUMPS: [&str; 3] = ["tcp4.dump", "tcp4-details.dump", "tcp6-details.dump"];
/// Times the recording is read in one round, so that rows outnumber set-up.
const REPEAT: usize = 50;

fn main() {
    divan::main();
}

fn recorded(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/recorded/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("the recording is part of the repository")
}

fn each_row(bytes: &[u8], each: &mut dyn FnMut(&Row<'_>)) -> u64 {
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

fn with_rows(bencher: Bencher<'_, '_>, name: &str, run: impl Fn(&[u8])) {
    let bytes = recorded(name);
    let rows = each_row(&bytes, &mut |_| {}) as usize * REPEAT;
    bencher.counter(ItemsCount::new(rows)).bench_local(|| (0..REPEAT).for_each(|_| run(&bytes)));
}

#[divan::bench(args = DUMPS)]
fn decode(bencher: Bencher<'_, '_>, name: &str) {
    with_rows(bencher, name, |bytes| {
        each_row(bytes, &mut |row| {
            divan::black_box(row);
        });
    });
}

#[divan::bench(args = DUMPS)]
fn decode_and_write_text(bencher: Bencher<'_, '_>, name: &str) {
    let style = Style { color: false, width: None };
    let lookups = Lookups::default();
    let bytes = recorded(name);
    let rows = each_row(&bytes, &mut |_| {}) as usize * 1000;
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        let mut sink = std::io::sink();
        let mut out = Out::new(&mut sink);
        let layout = text::Layout::default();
        let mut list = text::Sockets::new(&mut out, &style, layout, true, Names::new(false));
        for _ in 0..1000 {
            each_row(&bytes, &mut |row| list.row(row, &lookups));
        }
        list.finish();
    });
}

#[divan::bench(args = DUMPS)]
fn decode_and_write_json(bencher: Bencher<'_, '_>, name: &str) {
    let lookups = Lookups::default();
    with_rows(bencher, name, |bytes| {
        let mut sink = std::io::sink();
        let mut out = Out::new(&mut sink);
        let mut list = json::Sockets::new(&mut out, json::Details::default());
        each_row(bytes, &mut |row| list.row(row, &lookups));
    });
}
