//! What the threads tell each other.

use std::sync::Arc;

use crossterm::event::Event;

use crate::query::fields::Field;

use super::app::{Act, FileFormat};
use super::grid::Texts;
use super::row_details::{Fetched, Request};
use super::rows::{Job, Listed};

/// What the threads tell the one that draws.
pub enum Msg {
    /// A key, a click, a new size.
    Input(Event),
    /// There is no more input: the terminal is gone.
    InputEnded,
    /// Which events are used.
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

/// What is to be done beside the drawing.
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

/// What is written to a file.
pub enum Export {
    /// The sockets that are listed, with the columns that are shown.
    Sockets(Arc<Listed>, Vec<Field>),
    /// Another table.
    Table(Texts),
}
