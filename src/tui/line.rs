//! One line of text that is being typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The characters, and where the cursor is among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineEdit {
    characters: Vec<char>,
    at: usize,
}

impl LineEdit {
    /// Makes a line to go on with.
    pub fn new(text: &str) -> Self {
        let characters: Vec<char> = text.chars().collect();
        Self { at: characters.len(), characters }
    }

    /// Returns the line.
    pub fn text(&self) -> String {
        self.characters.iter().collect()
    }

    /// Returns what stands before the cursor.
    pub fn before(&self) -> String {
        self.characters[..self.at].iter().collect()
    }

    /// Takes in a key, as the shell's line does.
    pub fn key(&mut self, key: &KeyEvent) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('a') if ctrl => self.at = 0,
            KeyCode::Char('e') if ctrl => self.at = self.characters.len(),
            KeyCode::Char('u') if ctrl => {
                drop(self.characters.drain(..std::mem::take(&mut self.at)))
            }
            KeyCode::Char('k') if ctrl => self.characters.truncate(self.at),
            KeyCode::Char('w') if ctrl => self.delete_word(),
            KeyCode::Char(_) if ctrl => {}
            KeyCode::Char(character) => {
                self.characters.insert(self.at, character);
                self.at += 1;
            }
            KeyCode::Backspace if self.at > 0 => {
                self.at -= 1;
                self.characters.remove(self.at);
            }
            KeyCode::Delete if self.at < self.characters.len() => {
                self.characters.remove(self.at);
            }
            KeyCode::Left => self.at = self.at.saturating_sub(1),
            KeyCode::Right => self.at = (self.at + 1).min(self.characters.len()),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = self.characters.len(),
            _ => {}
        }
    }

    fn delete_word(&mut self) {
        let end = self.at;
        let is_blank = |at: usize| self.characters[at].is_whitespace();
        let mut start = end;
        while start > 0 && is_blank(start - 1) {
            start -= 1;
        }
        while start > 0 && !is_blank(start - 1) {
            start -= 1;
        }
        self.characters.drain(start..end);
        self.at = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &mut LineEdit, keys: &[(KeyCode, KeyModifiers)]) -> String {
        keys.iter().for_each(|(code, modifiers)| line.key(&KeyEvent::new(*code, *modifiers)));
        line.text()
    }

    #[test]
    fn it_edits_as_the_shell_does() {
        let (none, ctrl) = (KeyModifiers::NONE, KeyModifiers::CONTROL);
        let mut line = LineEdit::new("state näh");
        assert_eq!(
            typed(&mut line, &[(KeyCode::Backspace, none), (KeyCode::Char('x'), none)]),
            "state näx"
        );
        assert_eq!(typed(&mut line, &[(KeyCode::Char('w'), ctrl)]), "state ");
        assert_eq!(typed(&mut line, &[(KeyCode::Home, none), (KeyCode::Delete, none)]), "tate ");
        assert_eq!(typed(&mut line, &[(KeyCode::Backspace, none), (KeyCode::Left, none)]), "tate ");
        assert_eq!(typed(&mut line, &[(KeyCode::Right, none), (KeyCode::Char('k'), ctrl)]), "t");
        assert_eq!(line.before(), "t");
        assert_eq!(typed(&mut line, &[(KeyCode::Char('u'), ctrl), (KeyCode::Char('w'), ctrl)]), "");
    }
}
