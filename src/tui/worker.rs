//! The thread for all that takes a while: lists, details of rows, pages, files,
//! acts on sockets. It answers with messages.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread::Builder;

use crate::answer;
use crate::explain::{self, DIAGRAM};
use crate::machine::Machine;
use crate::model::hash::KeyedMap;
use crate::model::human;
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::want::Extras;
use crate::output::columns::{Csv, csv_table};
use crate::output::out::Out;
use crate::output::style::Style;
use crate::output::{json, text};
use crate::query::fields::Field;
use crate::source::Choice;
use crate::sys::files::{Existing, NewFile};
use crate::sys::{clock, signal};

use super::app::{Act, FileFormat, Held};
use super::collect::Guard;
use super::lister::Lister;
use super::messages::{Export, MessagePage, Msg, Work};
use super::rows::{Listed, RowKey};

/// Starts it. Of the lists that it is to make it makes the latest, and fetches
/// details of the latest rows on the screen; all else it does one by one.
///
/// # Errors
/// When there can be no thread.
pub fn start(
    (choice, proc_root): (Choice, PathBuf),
    work: Receiver<Work>,
    sender: Sender<Msg>,
) -> io::Result<()> {
    Builder::new().name("worker".into()).spawn(move || {
        let _guard = Guard::new("worker", &sender);
        let mut lister = Lister::new(Machine::new(choice, &proc_root));
        while let Ok(first) = work.recv() {
            let (mut list, mut fetch) = (None, None);
            for work in std::iter::once(first).chain(work.try_iter()) {
                let msg = match work {
                    Work::List(job) => {
                        list = Some(job);
                        continue;
                    }
                    Work::Fetch(request) => {
                        fetch = Some(request);
                        continue;
                    }
                    Work::Explain(name) => {
                        explain(lister.machine(), &name).map_or_else(Msg::Said, Msg::Page)
                    }
                    Work::Export(what, format) => Msg::Said(export(&what, format)),
                    Work::Act(what, listed) => Msg::Said(act(lister.machine(), &what, &listed)),
                };
                drop(sender.send(msg));
            }
            // A few rows first: the list may be one of a million.
            let fetched = fetch.map(|request| Msg::Fetched(lister.fetch(&request)));
            let is_heard = fetched.is_none_or(|fetched| sender.send(fetched).is_ok());
            let listed = list.map(|job| Msg::Listed(Arc::new(lister.list(&job))));
            if !is_heard || listed.is_some_and(|listed| sender.send(listed).is_err()) {
                return;
            }
        }
    })?;
    Ok(())
}

/// Makes a page of explain, with this machine's numbers.
///
/// # Errors
/// When there is none of the name.
fn explain(machine: &Machine, name: &str) -> Result<MessagePage, String> {
    let page = explain::find(name).map_err(|_| format!("there is no page about {name}"))?;
    let is_diagram = page.name == DIAGRAM;
    let explained = answer::explain(machine, page, is_diagram);
    let picture = is_diagram.then(|| explain::diagram(explained.counts.as_ref()));
    let mut bytes = Vec::new();
    let mut out = Out::new(&mut bytes);
    let style = Style { color: false, width: Some(78) };
    text::explain(&mut out, &style, &explained.page, picture.as_deref());
    // Memory takes everything.
    drop(out.finish());
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(str::to_owned).collect();
    Ok(MessagePage { title: explained.page.name.clone(), lines })
}

/// Writes a table to a new file in the working directory, and returns what is
/// to be said of it.
fn export(export: &Export, format: FileFormat) -> String {
    let stamp = clock::file_stamp(clock::now());
    let ending = match format {
        FileFormat::Json => "json",
        FileFormat::Csv => "csv",
    };
    let name = format!("sockstate-{stamp}.{ending}");
    // What is there already is not written over.
    let written = NewFile::create(name.as_ref(), Existing::Keep).and_then(|mut new| {
        let mut out = Out::new(new.file());
        match (export, format) {
            (Export::Sockets(listed, _), FileFormat::Json) => write_json(listed, &mut out),
            (Export::Sockets(listed, fields), FileFormat::Csv) => {
                write_csv(listed, fields, &mut out);
            }
            (Export::Table(texts), FileFormat::Json) => {
                json::table(&mut out, &texts.titles, &texts.rows)
            }
            (Export::Table(texts), FileFormat::Csv) => {
                csv_table(&mut out, &texts.titles, &texts.rows)
            }
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
    let details = json::DetailsJson { processes: true, ..json::DetailsJson::default() };
    let mut sockets = json::SocketsJson::new(out, details);
    rows(listed).for_each(|row| sockets.row(&row, &listed.lookups));
    let round = &listed.round;
    sockets.finish(round.clocks.wall_at(round.begun_ns), &round.report, None);
}

/// Writes the rows; what they lack of the columns is asked for as the screen
/// does.
fn write_csv(listed: &Listed, fields: &[Field], out: &mut Out<'_>) {
    let mut csv = Csv::new(out, fields, true);
    let needs = fields.iter().map(|field| field.extras());
    if needs.fold(Extras::default(), Extras::union) == Extras::default() {
        return rows(listed).for_each(|row| csv.row(&row, &listed.lookups));
    }
    let rows: Vec<Row<'_>> = rows(listed).collect();
    for rows in rows.chunks(AT_A_TIME) {
        let sockets: Vec<Socket> = rows.iter().map(|row| row.socket).collect();
        let details = answer::row_details(&sockets);
        let details: KeyedMap<RowKey, Row<'_>> =
            details.iter().map(|row| (RowKey::of(&row.socket), row)).collect();
        for row in rows {
            csv.row(details.get(&RowKey::of(&row.socket)).unwrap_or(row), &listed.lookups);
        }
    }
}

/// Closes a socket or signals a process, and returns what is to be said of
/// it.
fn act(machine: &Machine, act: &Act, listed: &Listed) -> String {
    match act {
        Act::Destroy(key, _) => destroy(*key, listed),
        Act::Signal(number, Held { pid, comm, fd, inode }) => {
            match signal::send(*pid, *number, || answer::holds(machine, *pid, *fd, *inode)) {
                Ok(()) => format!("sent the signal to {comm}[{pid}]"),
                Err(error) => format!("cannot signal {comm}[{pid}]: {error}"),
            }
        }
    }
}

fn destroy(key: RowKey, listed: &Listed) -> String {
    let row = listed.round.table.iter().find(|row| RowKey::of(&row.socket) == key);
    match answer::destroy(row.into_iter()) {
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
