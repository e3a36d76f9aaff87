//! What keys do outside the screen: pages, files, acts on sockets.

use std::fs::File;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::engine::Engine;
use crate::engine::fields::Field;
use crate::explain::{self, DIAGRAM};
use crate::model::human;
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::table::Table;
use crate::model::want::Extras;
use crate::output::columns::Csv;
use crate::output::out::Out;
use crate::output::style::Style;
use crate::output::{json, text};
use crate::sys::clock;
use crate::sys::signal;

use super::app::{Act, App, Format, Held};
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
pub struct Export {
    /// The sockets that are listed.
    pub listed: Arc<Listed>,
    /// The columns that are shown.
    pub fields: Vec<Field>,
    /// How.
    pub format: Format,
}

/// Writes listed sockets to a new file in the working directory, and says what
/// came of it.
pub fn export(engine: &Engine, export: &Export) -> String {
    let stamp = clock::file_stamp(clock::now());
    let ending = match export.format {
        Format::Json => "json",
        Format::Csv => "csv",
    };
    let name = format!("sockstate-{stamp}.{ending}");
    // What is there already is not written over.
    let written = File::create_new(&name).and_then(|mut file| {
        let mut out = Out::new(&mut file);
        match export.format {
            Format::Json => export.write_json(&mut out),
            Format::Csv => export.write_csv(engine, &mut out),
        }
        out.finish()
    });
    let count = export.listed.order.len() as u64;
    match written {
        Ok(()) => format!("wrote {} to {name}", human::plural(count, "socket")),
        Err(error) => format!("cannot write {name}: {error}"),
    }
}

/// Rows whose details are asked for at a time.
const AT_A_TIME: usize = 512;

impl Export {
    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let table = &self.listed.round.table;
        self.listed.order.iter().filter_map(|at| table.get(*at as usize))
    }

    fn write_json(&self, out: &mut Out<'_>) {
        let details = json::Details { processes: true, ..json::Details::default() };
        let mut sockets = json::Sockets::new(out, details);
        self.rows().for_each(|row| sockets.row(&row, &self.listed.lookups));
        let round = &self.listed.round;
        sockets.finish(round.clocks.wall_at(round.begun_ns), &round.report, None);
    }

    /// What the rows lack of the columns is asked for as the screen does.
    fn write_csv(&self, engine: &Engine, out: &mut Out<'_>) {
        let lookups = &self.listed.lookups;
        let mut csv = Csv::new(out, &self.fields, true);
        let needs = self.fields.iter().map(|field| field.extras());
        if needs.fold(Extras::default(), Extras::union) == Extras::default() {
            return self.rows().for_each(|row| csv.row(&row, lookups));
        }
        let rows: Vec<Row<'_>> = self.rows().collect();
        for rows in rows.chunks(AT_A_TIME) {
            let sockets: Vec<Socket> = rows.iter().map(|row| row.socket).collect();
            let closer = engine.inspect(&sockets);
            let closer: FxHashMap<RowKey, Row<'_>> =
                closer.iter().map(|row| (RowKey::of(&row.socket), row)).collect();
            for row in rows {
                csv.row(closer.get(&RowKey::of(&row.socket)).unwrap_or(row), lookups);
            }
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
        Ok(done) if done.other > 0 => "not closed: the kernel refused".to_owned(),
        Ok(_) => "it was gone before".to_owned(),
    }
}
