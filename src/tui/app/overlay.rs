//! Overlays of the screen, and the keys in them.

use crossterm::event::{KeyCode, KeyEvent};

use crate::model::escape::escaped;
use crate::query::fields::Field;

use super::{App, Effect};
use crate::tui::grid::Cursor;
use crate::tui::keys::{Action, Leaving, RowAction, ShowAction};
use crate::tui::rows::RowKey;
use crate::tui::sheet::end;

/// An overlay, drawn over the body of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// The keys.
    Help,
    /// A page of explain, as lines, and the first one shown.
    Page {
        /// The name of the page.
        title: String,
        /// Its lines.
        lines: Vec<String>,
        /// The first one on the screen.
        top: usize,
    },
    /// The columns to choose from, and the selected one.
    Columns(Cursor),
    /// Something to confirm.
    Confirm(Act),
    /// The acts to choose from for a socket.
    Acts(KillTarget),
    /// The formats to choose from for a file.
    Export,
}

/// Something that is done to a socket or process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// SOCK_DESTROY, of the socket with these ends.
    Destroy(RowKey, String),
    /// A signal, by its number, to the process that holds a socket.
    Signal(i32, Held),
}

/// The socket that was selected when the key was pressed: rows move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillTarget {
    /// The key of its row.
    pub key: RowKey,
    /// Its ends.
    pub name: String,
    /// The process that holds it, the first where there are several.
    pub holder: Option<Held>,
}

/// A descriptor of a process: by it one makes sure that it is still that
/// process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The process.
    pub pid: u32,
    /// Its name, escaped.
    pub comm: String,
    /// The descriptor.
    pub fd: u32,
    /// The socket's inode.
    pub inode: u32,
}

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// The document of `list --json`.
    Json,
    /// The shown columns.
    Csv,
}

impl App {
    pub(super) fn open(&mut self, overlay: Overlay) -> Vec<Effect> {
        self.overlay = Some(overlay);
        Vec::new()
    }

    /// Lays a page over the screen.
    pub fn show(&mut self, title: String, lines: Vec<String>) {
        self.overlay = Some(Overlay::Page { title, lines, top: 0 });
    }

    pub(super) fn open_acts(&mut self) -> Vec<Effect> {
        if !self.fixed.allow_actions {
            return self
                .only_say("this watch only looks; start it with --allow-actions to close sockets");
        }
        match self.target() {
            Some(target) => self.open(Overlay::Acts(target)),
            None => self.only_say("select a socket first, in Sockets"),
        }
    }

    pub(super) fn overlay_key(&mut self, key: &KeyEvent) -> Vec<Effect> {
        let action = self.fixed.keymap.action(key);
        let Some(mut overlay) = self.overlay.take() else { return Vec::new() };
        if action.is_some_and(closes) {
            return Vec::new();
        }
        let rows = match action {
            Some(Action::Move(by)) => by.rows(self.drawn.page),
            _ => 0,
        };
        match &mut overlay {
            Overlay::Help => {}
            // Where it ends is known when it is drawn: long lines are folded.
            Overlay::Page { top, .. } => *top = top.saturating_add_signed(rows),
            Overlay::Columns(cursor) => {
                let all: Vec<Field> = Field::all().collect();
                cursor.go(rows, all.len());
                if let Some(Action::Row(RowAction::Pin | RowAction::Open)) = action {
                    let chosen = all[cursor.at];
                    self.overlay = Some(overlay);
                    return self.change_columns(|sockets| sockets.toggle_column(chosen));
                }
            }
            Overlay::Export => {
                let format = match key.code {
                    KeyCode::Char('j') => FileFormat::Json,
                    KeyCode::Char('c') => FileFormat::Csv,
                    _ => return Vec::new(),
                };
                return vec![Effect::Export(format)];
            }
            Overlay::Acts(target) => {
                let target = target.clone();
                return self.choose_act(key, target);
            }
            Overlay::Confirm(act) => {
                let yes = key.code == KeyCode::Char('y');
                return if yes { vec![Effect::Act(act.clone())] } else { Vec::new() };
            }
        }
        self.overlay = Some(overlay);
        Vec::new()
    }

    /// Returns the socket under the cursor, to act on.
    fn target(&self) -> Option<KillTarget> {
        let key = self.selected()?;
        let socket = self.selected_row()?.socket;
        let owners = &self.looks.round()?.snapshot.owners;
        let holder = owners.of(socket.inode).first().map(|holder| Held {
            pid: holder.pid,
            comm: escaped(owners.comm(holder.pid)),
            fd: holder.fd,
            inode: socket.inode,
        });
        let ends = socket.local().zip(socket.remote());
        let name = ends.map_or_else(
            || format!("inode {}", socket.inode),
            |(local, remote)| format!("{} -> {}", end(local), end(remote)),
        );
        Some(KillTarget { key, name, holder })
    }

    fn choose_act(&mut self, key: &KeyEvent, target: KillTarget) -> Vec<Effect> {
        let act = match (key.code, target.holder) {
            (KeyCode::Char('d'), _) => Act::Destroy(target.key, target.name),
            (KeyCode::Char('t'), Some(holder)) => Act::Signal(libc::SIGTERM, holder),
            (KeyCode::Char('9'), Some(holder)) => Act::Signal(libc::SIGKILL, holder),
            (KeyCode::Char('t' | '9'), None) => {
                self.say("no process is known to hold this socket");
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        self.overlay = Some(Overlay::Confirm(act));
        Vec::new()
    }
}

/// Returns whether a key closes what lies over the screen.
fn closes(action: Action) -> bool {
    matches!(
        action,
        Action::Back
            | Action::Leave(Leaving::Quit)
            | Action::Show(ShowAction::Help)
            | Action::Row(RowAction::Explain)
    )
}
