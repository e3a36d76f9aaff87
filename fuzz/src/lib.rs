//! What must hold whatever the bytes are: one module a target, and what every row must bear.
//!
//! tests/pure/fuzz.rs runs the same on its seeds, so that none of it grows old unseen.

pub mod dump_file;
pub mod filter_parse;
pub mod inet_rows;
pub mod unix_rows;

use std::ops::ControlFlow;

use jiff::Timestamp;
use sockstate::testing::kernel::netlink::{Datagram, Dump};
use sockstate::testing::model::row::Row;
use sockstate::testing::model::table::Table;
use sockstate::testing::output::out::Out;
use sockstate::testing::output::style::Style;
use sockstate::testing::output::{json, text};
use sockstate::testing::query::Lookups;
use sockstate::testing::query::fields::Field;
use sockstate::testing::source::Report;
use sockstate::testing::sys::names::Names;

/// Feeds `data` as one datagram of a dump, in the way of the source; a length
/// that claims more is one that was cut.
pub fn feed(data: &[u8], row: &mut dyn FnMut(&[u8])) {
    // The sequence number of the first message, so that it is not a stranger's.
    let seq = data.get(8..12).and_then(|seq| seq.try_into().ok()).map_or(0, u32::from_ne_bytes);
    let whole = Datagram { bytes: data, full_len: data.len(), sender: 0 };
    let cut = Datagram { bytes: data, full_len: data.len() + 1, sender: 0 };
    let mut dump = Dump::new(seq);
    let mut rows = 0;
    dump.feed(whole, &mut |payload| {
        rows += 1;
        row(payload);
        ControlFlow::Continue(())
    });
    assert_eq!(dump.rows, rows);
    assert_eq!(dump.truncated, 0);
    let mut dump = Dump::new(seq);
    dump.feed(cut, &mut |_| ControlFlow::Continue(()));
    assert_eq!((dump.rows, dump.malformed, dump.truncated), (rows, 0, 1));
    Dump::new(seq).feed_acknowledgement(whole);
}

/// Shows a row in every way there is: nothing may panic, no control character
/// of a stranger may come through, JSON must be JSON.
pub fn show(row: &Row<'_>) {
    let lookups = Lookups::default();
    for field in Field::all() {
        if let Some(value) = field.value(row, &lookups) {
            let value = value.to_string();
            assert!(!value.chars().any(char::is_control), "{}: {value:?}", field.name());
        }
    }
    let mut bytes = Vec::new();
    let mut out = Out::new(&mut bytes);
    let details = json::DetailsJson { processes: true, info: true, memory: true, extended: true };
    let mut sockets = json::SocketsJson::new(&mut out, details);
    sockets.row(row, &lookups);
    sockets.finish(Timestamp::UNIX_EPOCH, &Report::default(), None);
    drop(out.finish());
    let document: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(document["sockets"].as_array().map(Vec::len), Some(1));

    let one_line = row.socket.inode % 2 == 1;
    let no_queues = row.socket.inode % 3 == 1;
    let shown = |column: &text::TextColumn| !no_queues || *column != text::TextColumn::Queues;
    let layout = text::Layout {
        columns: text::TextColumn::ALL.into_iter().filter(shown).collect(),
        details: text::Detail::ALL.to_vec(),
        place: if one_line { text::DetailsPlace::Behind } else { text::DetailsPlace::Below },
    };
    let style = Style { color: false, width: None };
    let mut bytes = Vec::new();
    let mut out = Out::new(&mut bytes);
    let mut sockets = text::SocketsText::new(&mut out, &style, layout, false, Names::new(false));
    sockets.row(row, &lookups);
    sockets.finish();
    drop(out.finish());
    let shown = String::from_utf8(bytes).expect("text");
    assert!(!shown.chars().any(|c| c.is_control() && !"\n\t".contains(c)), "{shown:?}");
    assert!(!one_line || shown.lines().count() == 1, "{shown:?}");

    // Kept, it is the same row.
    let mut table = Table::default();
    table.push(row);
    let kept = table.get(0).expect("just pushed");
    assert_eq!(kept.socket, row.socket);
    for field in Field::all() {
        assert_eq!(field.value(&kept, &lookups), field.value(row, &lookups));
    }
}
