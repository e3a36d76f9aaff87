//! What one socket costs between the receive buffer and a record, and on to a
//! line of text. Run with `cargo bench --bench decode`; the time an item is
//! the figure.

#[path = "rows/recorded.rs"]
mod recorded;

use divan::Bencher;
use divan::counter::ItemsCount;

use recorded::{each_row, recorded, write_json, write_text};

const DUMPS: [&str; 3] = ["tcp4.dump", "tcp4-details.dump", "tcp6-details.dump"];
/// Times the recording is read in one round, so that rows outnumber set-up.
const REPEAT: usize = 1000;

fn main() {
    divan::main();
}

fn with_rows(bencher: Bencher<'_, '_>, name: &str, run: impl Fn(&[u8])) {
    let bytes = recorded(name);
    let rows = each_row(&bytes, &mut |_| {}) as usize * REPEAT;
    bencher.counter(ItemsCount::new(rows)).bench_local(|| run(&bytes));
}

#[divan::bench(args = DUMPS)]
fn decode(bencher: Bencher<'_, '_>, name: &str) {
    with_rows(bencher, name, |bytes| {
        for _ in 0..REPEAT {
            each_row(bytes, &mut |row| {
                divan::black_box(row);
            });
        }
    });
}

#[divan::bench(args = DUMPS)]
fn decode_and_write_text(bencher: Bencher<'_, '_>, name: &str) {
    with_rows(bencher, name, |bytes| write_text(bytes, REPEAT));
}

#[divan::bench(args = DUMPS)]
fn decode_and_write_json(bencher: Bencher<'_, '_>, name: &str) {
    with_rows(bencher, name, |bytes| write_json(bytes, REPEAT));
}
