//! The filter as it is typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::filter::Filter;
use crate::tui::keys::FilterAction;
use crate::tui::line::LineEdit;

use super::{App, Effect};

/// The filter, typed and in force.
#[derive(Clone, Debug, Default)]
pub struct FilterBox {
    /// The text in force.
    pub text: String,
    /// The filter that the text means; `None` where there is none.
    pub filter: Option<Filter>,
    /// The line being typed.
    pub edit: Option<LineEdit>,
    /// The error of the line being typed: its text and the line with the caret.
    pub error: Option<String>,
    /// The error is one of a name that the system does not know.
    unresolved: bool,
    /// The text and the filter in force before the present one was typed.
    before: Option<(String, Option<Filter>)>,
    /// True where the rows are shown that the filter does not select.
    pub invert: bool,
    /// True where only rows are shown that an alert is about.
    pub faults: bool,
}

impl FilterBox {
    /// Puts a filter in force; one that makes no sense says why and changes
    /// nothing.
    pub fn set(&mut self, text: &str) {
        match Filter::parse(&[text]) {
            Ok(filter) => {
                self.text = text.trim().to_owned();
                self.filter = filter;
                self.error = None;
            }
            Err(error) => self.error = Some(error.to_string()),
        }
        self.unresolved = false;
    }

    /// Begins to type.
    fn begin(&mut self) {
        self.before = Some((self.text.clone(), self.filter.clone()));
        self.edit = Some(LineEdit::new(&self.text));
    }

    /// Takes in what became of the filter where names had to be looked up.
    pub(super) fn resolved(&mut self, filter: &Option<Filter>, error: Option<&String>) {
        if *filter != self.filter {
            // Another one has been typed since.
            return;
        }
        if let Some(error) = error {
            self.error = Some(error.clone());
            self.unresolved = true;
        } else if std::mem::take(&mut self.unresolved) {
            self.error = None;
        }
    }

    /// Takes in a key while it is typed.
    pub(super) fn key(&mut self, key: &KeyEvent) -> Vec<Effect> {
        let Some(edit) = &mut self.edit else { return Vec::new() };
        match (key.code, key.modifiers) {
            (KeyCode::Enter, _) => {
                if self.error.is_some() && !self.unresolved {
                    return Vec::new();
                }
                self.edit = None;
                // Now its names are looked up.
                return vec![Effect::List];
            }
            (KeyCode::Esc, _) | (KeyCode::Char('c'), KeyModifiers::CONTROL) => self.give_up(),
            _ => {
                edit.key(key);
                let text = edit.text();
                self.set(&text);
            }
        }
        vec![Effect::Control, Effect::List]
    }

    /// Ends typing with what was in force before.
    fn give_up(&mut self) {
        let (text, filter) = self.before.take().unwrap_or_default();
        let invert = self.invert && filter.is_some();
        *self = Self { text, filter, invert, faults: self.faults, ..Self::default() };
    }
}

impl App {
    /// Does what a key of the filter stands for.
    pub(super) fn act_on_filter(&mut self, action: FilterAction) -> Vec<Effect> {
        match action {
            FilterAction::Edit => {
                let effects = self.list_where_seen(self.tabs.shown().is_filtered());
                self.filter.begin();
                effects
            }
            FilterAction::Invert if self.filter.filter.is_none() => {
                self.only_say("there is no filter to invert")
            }
            FilterAction::Invert => {
                self.filter.invert = !self.filter.invert;
                self.list_where_seen(self.tabs.shown().is_filtered())
            }
            FilterAction::Faults => {
                self.filter.faults = !self.filter.faults;
                self.list_where_seen(self.tabs.shown().has_faults())
            }
        }
    }
}
