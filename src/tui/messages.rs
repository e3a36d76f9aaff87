//! The messages between the threads.

use std::sync::Arc;

use crossterm::event::Event;

use crate::query::fields::Field;

use super::app::{Act, FileFormat};
use super::grid::Texts;
use super::row_details::{Fetched, Request};
use super::rows::{Job, Listed};

/// A message of another thread to the one that draws.
pub enum Msg {
    /// A key, a click, a new size.
    Input(Event),
    /// There is no more input: the terminal is gone.
    InputEnded,
    /// The name of the event source in use.
    Sources(String),
    /// There is something in the mailbox.
    Collected,
    /// A round failed.
    Failed(String),
    /// A thread cannot go on.
    Ended(String),
    /// A list.
    Listed(Arc<Listed>),
    /// Details of the rows on the screen.
    Fetched(Fetched),
    /// A page to lay over the screen.
    Page(MessagePage),
    /// A remark.
    Said(String),
}

/// Work to be done by another thread than the one that draws.
pub enum Work {
    /// A list.
    List(Box<Job>),
    /// Details of the rows on the screen.
    Fetch(Request),
    /// A page of explain.
    Explain(String),
    /// A file.
    Export(Export, FileFormat),
    /// An act on a socket of a list.
    Act(Act, Arc<Listed>),
}

/// A page to lay over the screen.
pub struct MessagePage {
    /// Its name.
    pub title: String,
    /// Its lines.
    pub lines: Vec<String>,
}

/// The content of a file to be written.
pub enum Export {
    /// The sockets that are listed, with the columns that are shown.
    Sockets(Arc<Listed>, Vec<Field>),
    /// Another table.
    Table(Texts),
}
