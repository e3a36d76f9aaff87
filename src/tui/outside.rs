//! What keys do outside the screen: pages, files, acts on sockets.

use std::sync::Arc;

use crate::model::hash::KeyedMap;

use crate::engine::Engine;
use crate::engine::fields::Field;
use crate::explain::{self, DIAGRAM};
use crate::model::human;
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::table::Table;
use crate::model::want::Extras;
use crate::output::columns::{Csv, csv_table};
use crate::output::out::Out;
use crate::output::style::Style;
use crate::output::{json, text};
use crate::sys::clock;
use crate::sys::files::{Existing, NewFile};
use crate::sys::signal;

use super::app::{Act, App, Format, Held};
use super::grid::Texts;
use super::rows::{Listed, RowKey};

/// A page to lay over the screen.
pub struct Page {
    /// Its name.
    pub title: String,
    /// Its lines.
    pub lines: Vec<String>,
}

/// A page of explain, with this machine's numbers.
///
/// # Errors
/// When there is none of the name.
pub fn explain(engine: &Engine, name: &str) -> Result<Page, String> {
    let page = explain::find(name).map_err(|_| format!("there is no page about {name}"))?;
    let is_diagram = page.name == DIAGRAM;
    let explained = engine.explain(page, is_diagram);
    let picture = is_diagram.then(|| explain::diagram(explained.counts.as_ref()));
    let mut bytes = Vec::new();
    let mut out = Out::new(&mut bytes);
    let style = Style { color: false, width: Some(78) };
    text::explain(&mut out, &style, &explained.page, picture.as_deref());
    // Memory takes everything.
    drop(out.finish());
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(str::to_owned).collect();
    Ok(Page { title: explained.page.name.clone(), lines })
}

/// What is written to a file.
pub enum Export {
    /// The sockets that are listed, with the columns that are shown.
    Sockets(Arc<Listed>, Vec<Field>),
    /// Another table.
    Table(Texts),
}

/// Writes a table to a new file in the working directory, and says what came of
/// it.
pub fn export(engine: &Engine, export: &Export, format: Format) -> String {
    let stamp = clock::file_stamp(clock::now());
    let ending = match format {
        Format::Json => "json",
        Format::Csv => "csv",
    };
    let name = format!("sockstate-{stamp}.{ending}");
    // What is there already is not written over.
    let written = NewFile::create(name.as_ref(), Existing::Keep).and_then(|mut new| {
        let mut out = Out::new(new.file());
        match (export, format) {
            (Export::Sockets(listed, _), Format::Json) => write_json(listed, &mut out),
            (Export::Sockets(listed, fields), Format::Csv) => {
                write_csv(engine, listed, fields, &mut out);
            }
            (Export::Table(texts), Format::Json) => {
                json::table(&mut out, &texts.titles, &texts.rows)
            }
            (Export::Table(texts), Format::Csv) => csv_table(&mut out, &texts.titles, &texts.rows),
        }
        out.finish()?;
        new.finish()
    });
    let what = match export {
        Export::Sockets(listed, _) => human::plural(listed.order.len() as u64, "socket"),
        Export::Table(texts) => human::plural(texts.rows.len() as u64, "row"),
    };
    match written {
        Ok(()) => format!("wrote {what} to {name}"),
        Err(error) => format!("cannot write {name}: {error}"),
    }
}

/// Rows whose details are asked for at a time.
const AT_A_TIME: usize = 512;

fn rows(listed: &Listed) -> impl Iterator<Item = Row<'_>> {
    listed.order.iter().filter_map(|at| listed.round.table.get(*at as usize))
}

fn write_json(listed: &Listed, out: &mut Out<'_>) {
    let details = json::Details { processes: true, ..json::Details::default() };
    let mut sockets = json::Sockets::new(out, details);
    rows(listed).for_each(|row| sockets.row(&row, &listed.lookups));
    let round = &listed.round;
    sockets.finish(round.clocks.wall_at(round.begun_ns), &round.report, None);
}

/// What the rows lack of the columns is asked for as the screen does.
fn write_csv(engine: &Engine, listed: &Listed, fields: &[Field], out: &mut Out<'_>) {
    let mut csv = Csv::new(out, fields, true);
    let needs = fields.iter().map(|field| field.extras());
    if needs.fold(Extras::default(), Extras::union) == Extras::default() {
        return rows(listed).for_each(|row| csv.row(&row, &listed.lookups));
    }
    let rows: Vec<Row<'_>> = rows(listed).collect();
    for rows in rows.chunks(AT_A_TIME) {
        let sockets: Vec<Socket> = rows.iter().map(|row| row.socket).collect();
        let closer = engine.inspect(&sockets);
        let closer: KeyedMap<RowKey, Row<'_>> =
            closer.iter().map(|row| (RowKey::of(&row.socket), row)).collect();
        for row in rows {
            csv.row(closer.get(&RowKey::of(&row.socket)).unwrap_or(row), &listed.lookups);
        }
    }
}

/// Closes a socket or signals a process, and says what came of it.
pub fn act(app: &mut App, engine: &Engine, act: &Act) {
    let text = match act {
        Act::Destroy(key, _) => destroy(app, engine, *key),
        Act::Signal(number, Held { pid, comm, fd, inode }) => {
            match signal::send(*pid, *number, || engine.holds(*pid, *fd, *inode)) {
                Ok(()) => format!("sent the signal to {comm}[{pid}]"),
                Err(error) => format!("cannot signal {comm}[{pid}]: {error}"),
            }
        }
    };
    app.say(text);
}

fn destroy(app: &App, engine: &Engine, key: RowKey) -> String {
    let table = app.listed.as_ref().map(|listed| &listed.round.table);
    let mut rows = table.into_iter().flat_map(Table::iter);
    let row = rows.find(|row| RowKey::of(&row.socket) == key);
    match engine.destroy(row.into_iter()) {
        Err(error) => format!("there is no sock_diag to ask: {error}"),
        Ok(done) if done.closed > 0 => "closed".to_owned(),
        Ok(done) if done.not_allowed > 0 => "not closed: that takes CAP_NET_ADMIN".to_owned(),
        Ok(done) if done.not_supported > 0 => "not closed: this kernel cannot do that".to_owned(),
        Ok(done) if done.no_cookie > 0 => {
            "not closed: rows of /proc do not tell which socket it is".to_owned()
        }
        Ok(done) if done.other > 0 => "not closed: the kernel refused".to_owned(),
        Ok(_) => "it was gone before".to_owned(),
    }
}
