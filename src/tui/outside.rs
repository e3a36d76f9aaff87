//! What keys do outside the screen: pages, files, acts on sockets.

use std::fs::File;

use crate::engine::fields::Field;
use crate::engine::{Engine, Lookups};
use crate::explain::{self, DIAGRAM};
use crate::model::human;
use crate::output::columns::Csv;
use crate::output::out::Out;
use crate::output::style::Style;
use crate::output::{json, text};
use crate::sys::clock;
use crate::sys::signal;

use super::app::{Act, App, Format, Overlay};
use super::rows::RowKey;

/// Opens a page of explain.
pub fn explain(app: &mut App, engine: &Engine, name: &str) {
    let Ok(page) = explain::find(name) else {
        app.say(format!("there is no page about {name}"));
        return;
    };
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
    app.overlay = Some(Overlay::Page { title: explained.page.name.clone(), lines, top: 0 });
}

/// Writes the listed sockets to a new file in the working directory.
pub fn export(app: &mut App, format: Format) {
    let Some(listed) = &app.listed else { return };
    let stamp = clock::file_stamp(clock::now());
    let ending = match format {
        Format::Json => "json",
        Format::Csv => "csv",
    };
    let name = format!("sockstate-{stamp}.{ending}");
    let count = listed.order.len();
    // What is there already is not written over.
    let written = File::create_new(&name).and_then(|mut file| {
        let mut out = Out::new(&mut file);
        match format {
            Format::Json => write_json(app, &mut out),
            Format::Csv => write_csv(app, &app.fields(), &mut out),
        }
        out.finish()
    });
    app.say(match written {
        Ok(()) => format!("wrote {} to {name}", human::plural(count as u64, "socket")),
        Err(error) => format!("cannot write {name}: {error}"),
    });
}

fn rows<'a>(app: &'a App) -> impl Iterator<Item = (crate::model::row::Row<'a>, &'a Lookups)> {
    app.listed.iter().flat_map(|listed| {
        let rows = listed.order.iter().filter_map(|at| listed.round.table.get(*at as usize));
        rows.map(|row| (row, &listed.lookups))
    })
}

fn write_json(app: &App, out: &mut Out<'_>) {
    let Some(listed) = &app.listed else { return };
    let details = json::Details { processes: true, ..json::Details::default() };
    let mut sockets = json::Sockets::new(out, details);
    for (row, lookups) in rows(app) {
        sockets.row(&row, lookups);
    }
    let at = listed.round.clocks.wall_at(listed.round.begun_ns);
    sockets.finish(at, &listed.round.report, None);
}

fn write_csv(app: &App, fields: &[Field], out: &mut Out<'_>) {
    let mut csv = Csv::new(out, fields, true);
    for (row, lookups) in rows(app) {
        csv.row(&row, lookups);
    }
}

/// Closes a socket or signals a process, and says what came of it.
pub fn act(app: &mut App, engine: &Engine, act: &Act) {
    let text = match act {
        Act::Destroy(key) => destroy(app, engine, *key),
        Act::Signal(number, pid, comm) => match signal::send(*pid, *number) {
            Ok(()) => format!("sent the signal to {comm}[{pid}]"),
            Err(error) => format!("cannot signal {comm}[{pid}]: {error}"),
        },
    };
    app.say(text);
}

fn destroy(app: &App, engine: &Engine, key: RowKey) -> String {
    let row = rows(app).map(|(row, _)| row).find(|row| RowKey::of(&row.socket) == key);
    match engine.destroy(row.into_iter()) {
        Err(error) => format!("there is no sock_diag to ask: {error}"),
        Ok(done) if done.closed > 0 => "closed".to_owned(),
        Ok(done) if done.not_allowed > 0 => "not closed: that takes CAP_NET_ADMIN".to_owned(),
        Ok(done) if done.not_supported > 0 => "not closed: this kernel cannot do that".to_owned(),
        Ok(done) if done.other > 0 => "not closed: the kernel refused".to_owned(),
        Ok(_) => "it was gone before".to_owned(),
    }
}
