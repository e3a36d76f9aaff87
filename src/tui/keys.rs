//! Keys and what they do: one table behind dispatch, help and the config file.
//! The tabs, which are keys too, are told to it.

use std::collections::HashMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// An action of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Leaves the screen.
    Leave(Leaving),
    /// Goes to another tab.
    Tab(ToTab),
    /// Moves the cursor.
    Move(Move),
    /// Does something with the selected row.
    Row(RowAction),
    /// Closes what is open, clears the filter.
    Back,
    /// Changes what is selected.
    Filter(FilterAction),
    /// Changes the order.
    Sort(SortAction),
    /// Changes what is shown of which time.
    Time(TimeAction),
    /// Changes what is shown, or shows something else.
    Show(ShowAction),
}

/// A way to leave the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leaving {
    /// Ends the program.
    Quit,
    /// Ends it and leaves the last screen in the scrollback.
    QuitKeep,
    /// Stops the program, for the shell's `fg`.
    Suspend,
}

/// A choice of tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ToTab {
    /// The one on the right.
    Next,
    /// The one on the left.
    Previous,
    /// The one in a place, from 0 on.
    Number(u8),
}

/// A movement of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// The first row.
    First,
    /// The last row.
    Last,
}

impl Move {
    /// Returns by how many rows, where a screen has so many.
    pub fn rows(self, page: usize) -> isize {
        let page = isize::try_from(page.max(1)).unwrap_or(isize::MAX);
        match self {
            Self::Up => -1,
            Self::Down => 1,
            Self::PageUp => -page,
            Self::PageDown => page,
            Self::First => isize::MIN,
            Self::Last => isize::MAX,
        }
    }
}

/// An action on the selected row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowAction {
    /// Opens details, or the sockets behind a row.
    Open,
    /// Scrolls the details on.
    DetailsDown,
    /// Scrolls the details back.
    DetailsUp,
    /// Keeps the row on top.
    Pin,
    /// Keeps the cursor on the socket.
    Follow,
    /// Acts on the socket or its process.
    Act,
    /// Explains what is selected.
    Explain,
}

/// An action on the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FilterAction {
    /// Types one.
    Edit,
    /// Shows what it does not select.
    Invert,
    /// Shows only rows that an alert is about.
    Faults,
}

/// An action on the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortAction {
    /// Sorts by the next column.
    Next,
    /// Turns the order round.
    Reverse,
}

/// An action on time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeAction {
    /// Holds the screen; collecting goes on.
    Pause,
    /// Steps back in time while paused.
    Earlier,
    /// Steps forward again.
    Later,
    /// Looks more often.
    Faster,
    /// Looks less often.
    Slower,
}

/// An action on what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShowAction {
    /// The keys.
    Help,
    /// Groups by the next key.
    GroupBy,
    /// Names for numbers.
    Names,
    /// More columns.
    Wide,
    /// Columns to choose from.
    Columns,
    /// The command line that lists the same.
    Command,
    /// A file with what is shown, written.
    Export,
}

/// An action with its keys and its help.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The action.
    pub action: Action,
    /// Its name in the config file.
    pub name: String,
    /// The keys, as they are shown.
    pub keys: Vec<String>,
    /// Its help, a few words.
    pub help: &'static str,
}

/// An action, its name in the config file, its keys when nobody says otherwise,
/// and what it does.
type Usual = (Action, &'static str, &'static [&'static str], &'static str);

/// Every action but those that go to one tab, which come after the second.
const USUAL: &[Usual] = &[
    (Action::Tab(ToTab::Next), "next-tab", &["tab", "right"], "next tab"),
    (Action::Tab(ToTab::Previous), "previous-tab", &["backtab", "left"], "previous tab"),
    (Action::Move(Move::Up), "up", &["up", "k"], "up"),
    (Action::Move(Move::Down), "down", &["down", "j"], "down"),
    (Action::Move(Move::PageUp), "page-up", &["pageup", "ctrl-b"], "a screen up"),
    (Action::Move(Move::PageDown), "page-down", &["pagedown", "ctrl-f"], "a screen down"),
    (Action::Move(Move::First), "first", &["g", "home"], "first row"),
    (Action::Move(Move::Last), "last", &["G", "end"], "last row"),
    (Action::Row(RowAction::Open), "open", &["enter"], "details, its sockets"),
    (Action::Row(RowAction::DetailsDown), "details-down", &["ctrl-d"], "more of the details"),
    (Action::Row(RowAction::DetailsUp), "details-up", &["ctrl-u"], "details: back up"),
    (Action::Back, "back", &["esc"], "close, clear the filter"),
    (Action::Filter(FilterAction::Edit), "filter", &["/"], "filter, as in list"),
    (Action::Filter(FilterAction::Invert), "invert", &["!"], "invert the filter"),
    (Action::Sort(SortAction::Next), "sort", &["s"], "sort by the next column"),
    (Action::Sort(SortAction::Reverse), "reverse", &["S"], "turn the order round"),
    (Action::Row(RowAction::Pin), "pin", &["space"], "keep the socket on top"),
    (Action::Row(RowAction::Follow), "follow", &["F"], "the cursor follows it"),
    (Action::Filter(FilterAction::Faults), "faults", &["f"], "only what alerts name"),
    (Action::Time(TimeAction::Pause), "pause", &["p"], "hold the screen"),
    (Action::Time(TimeAction::Earlier), "earlier", &["["], "paused: a step back"),
    (Action::Time(TimeAction::Later), "later", &["]"], "paused: a step forward"),
    (Action::Time(TimeAction::Faster), "faster", &["+"], "look more often"),
    (Action::Time(TimeAction::Slower), "slower", &["-"], "look less often"),
    (Action::Show(ShowAction::GroupBy), "group-by", &["b"], "group by the next key"),
    (Action::Show(ShowAction::Names), "names", &["n"], "names of services"),
    (Action::Show(ShowAction::Wide), "wide", &["w"], "more columns"),
    (Action::Show(ShowAction::Columns), "columns", &["c"], "choose columns"),
    (Action::Show(ShowAction::Command), "command", &["y"], "the same as a command"),
    (Action::Show(ShowAction::Export), "export", &["x"], "write it to a file"),
    (Action::Row(RowAction::Act), "act", &["K"], "act on it, its process"),
    (Action::Row(RowAction::Explain), "explain", &["e"], "explain the selected"),
    (Action::Show(ShowAction::Help), "help", &["?", "h", "f1"], "these keys"),
    (Action::Leave(Leaving::Suspend), "suspend", &["ctrl-z"], "stop, fg goes on"),
    (Action::Leave(Leaving::Quit), "quit", &["q", "ctrl-c"], "quit"),
    (Action::Leave(Leaving::QuitKeep), "quit-keep", &["Q"], "quit, keep the screen"),
];

/// Returns the bindings when nobody says otherwise. A tab is named by its
/// title, and its key is its number.
fn usual(tabs: &[&'static str]) -> Vec<Binding> {
    let binding = |(action, name, keys, help): &Usual| Binding {
        action: *action,
        name: (*name).to_owned(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        help,
    };
    let tab = |(place, title): (u8, &&'static str)| Binding {
        action: Action::Tab(ToTab::Number(place)),
        name: title.to_lowercase(),
        // There is no key of two digits.
        keys: (1..=9).contains(&(place + 1)).then(|| (place + 1).to_string()).into_iter().collect(),
        help: title,
    };
    let (around, others) = USUAL.split_at(2);
    let tabs = (0..).zip(tabs).map(tab);
    around.iter().map(binding).chain(tabs).chain(others.iter().map(binding)).collect()
}

type KeyPress = (KeyCode, KeyModifiers);

/// The actions of the keys.
#[derive(Clone, Debug)]
pub struct Keymap {
    keys: HashMap<KeyPress, Action>,
    bindings: Vec<Binding>,
}

impl Keymap {
    /// Returns the keys when nobody says otherwise, of tabs with these titles.
    pub fn usual(tabs: &[&'static str]) -> Self {
        Self::of(usual(tabs)).unwrap_or_else(|clash| unreachable!("{clash}"))
    }

    /// Reads the keys of a config file, TOML with a table `[keys]`: an action's
    /// name and a key or a list of keys; what it does not name stays.
    ///
    /// # Errors
    /// For a file that makes no sense, an action or key that there is not, and
    /// for a key that is to do two things, which are then both named. Of the
    /// file nothing is quoted: it may be one that its reader is not to see.
    pub fn read(text: &str, tabs: &[&'static str]) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|error| no_toml(text, &error))?;
        if table.keys().any(|name| name != "keys") {
            return Err("the file has a table [keys] and nothing else".to_owned());
        }
        let mut bindings = usual(tabs);
        let Some(keys) = table.get("keys") else { return Self::of(bindings) };
        let keys = keys.as_table().ok_or("keys is a table: [keys]")?;
        for (name, value) in keys {
            let Some(binding) = bindings.iter_mut().find(|binding| binding.name == *name) else {
                let known: Vec<&str> = bindings.iter().map(|b| b.name.as_str()).collect();
                return Err(format!("there is no such action; use {}", known.join(", ")));
            };
            binding.keys = strings(value).ok_or_else(|| {
                format!("{}: expected a key or a list of keys, as [\"p\"]", binding.name)
            })?;
        }
        Self::of(bindings)
    }

    fn of(bindings: Vec<Binding>) -> Result<Self, String> {
        let mut keys: HashMap<KeyPress, &Binding> = HashMap::new();
        for binding in &bindings {
            for name in &binding.keys {
                let key = parse(name).ok_or_else(|| {
                    let of = &binding.name;
                    format!("{of}: there is no such key; use a character, {KEY_NAMES}")
                })?;
                if let Some(other) = keys.insert(key, binding).filter(|o| o.name != binding.name) {
                    let (one, two) = (&other.name, &binding.name);
                    return Err(format!("one key is to do both '{one}' and '{two}'"));
                }
            }
        }
        let keys = keys.into_iter().map(|(key, binding)| (key, binding.action)).collect();
        Ok(Self { keys, bindings })
    }

    /// Returns what a key does.
    pub fn action(&self, key: &KeyEvent) -> Option<Action> {
        self.keys.get(&plain(key.code, key.modifiers)).copied()
    }

    /// Returns every action with its keys and what it does, for help; the tabs,
    /// which have their keys on the screen, in one line.
    pub fn help(&self) -> Vec<(String, &'static str)> {
        let is_tab = |binding: &&Binding| matches!(binding.action, Action::Tab(ToTab::Number(_)));
        let tabs = self.bindings.iter().filter(is_tab);
        let tabs: Vec<&str> = tabs.filter_map(|tab| tab.keys.first()).map(String::as_str).collect();
        let others = self.bindings.iter().filter(|binding| !is_tab(binding));
        let others = others.map(|binding| (binding.keys.join(" "), binding.help));
        std::iter::once((tabs.join(""), "a tab by its number")).chain(others).collect()
    }

    /// Returns the first key of an action, for hints.
    pub fn key_of(&self, action: Action) -> &str {
        let binding = self.bindings.iter().find(|binding| binding.action == action);
        binding.and_then(|binding| binding.keys.first()).map_or("", String::as_str)
    }
}

/// Says where a file is no TOML and what the parser misses there.
fn no_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: {}", error.message().lines().next().unwrap_or_default())
}

const KEY_NAMES: &str = "enter, esc, tab, backtab, space, up, down, left, right, home, end, pageup, \
     pagedown, insert, delete, backspace, f1 to f12, or one of them after ctrl- or alt-";

fn strings(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(key) => Some(vec![key.clone()]),
        toml::Value::Array(keys) => {
            keys.iter().map(|key| key.as_str().map(str::to_owned)).collect()
        }
        _ => None,
    }
}

/// Returns the key of a name such as `p`, `G`, `ctrl-f`, `pageup`.
fn parse(name: &str) -> Option<KeyPress> {
    let (rest, modifiers) = match name.split_once('-') {
        Some(("ctrl", rest)) if !rest.is_empty() => (rest, KeyModifiers::CONTROL),
        Some(("alt", rest)) if !rest.is_empty() => (rest, KeyModifiers::ALT),
        _ => (name, KeyModifiers::NONE),
    };
    let mut characters = rest.chars();
    let code = match (characters.next()?, characters.next()) {
        (one, None) if !one.is_control() => KeyCode::Char(one),
        _ => named(rest)?,
    };
    Some((code, modifiers))
}

fn named(name: &str) -> Option<KeyCode> {
    Some(match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "insert" => KeyCode::Insert,
        "delete" => KeyCode::Delete,
        "backspace" => KeyCode::Backspace,
        _ => {
            let number = name.strip_prefix('f')?.parse().ok()?;
            (1..=12).contains(&number).then_some(KeyCode::F(number))?
        }
    })
}

/// Returns a key as the table has it: Shift is in the character already.
fn plain(code: KeyCode, modifiers: KeyModifiers) -> KeyPress {
    (code, modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(map: &Keymap, code: KeyCode, modifiers: KeyModifiers) -> Option<Action> {
        map.action(&KeyEvent::new(code, modifiers))
    }

    const TABS: [&str; 2] = ["Overview", "Sockets"];

    #[test]
    fn every_key_of_the_table_is_understood_and_does_one_thing() {
        let map = Keymap::usual(&TABS);
        for binding in &map.bindings {
            for key in &binding.keys {
                let (code, modifiers) = parse(key).expect("a key");
                assert_eq!(press(&map, code, modifiers), Some(binding.action), "{key}");
            }
        }
        let shifted = press(&map, KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(shifted, Some(Action::Move(Move::Last)));
    }

    #[test]
    fn names_of_actions_are_unique() {
        let map = Keymap::usual(&TABS);
        let mut names: Vec<&str> = map.bindings.iter().map(|b| b.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), map.bindings.len());
    }

    #[test]
    fn a_tab_has_its_number_and_is_named_by_its_title() {
        let map = Keymap::usual(&TABS);
        let second = Some(Action::Tab(ToTab::Number(1)));
        assert_eq!(press(&map, KeyCode::Char('2'), KeyModifiers::NONE), second);
        assert_eq!(map.help()[0], ("12".to_owned(), "a tab by its number"));
        let map = Keymap::read("[keys]\nsockets = 'T'\n", &TABS).expect("it is right");
        assert_eq!(press(&map, KeyCode::Char('T'), KeyModifiers::NONE), second);
        let many = ["a tab"; 11];
        assert_eq!(usual(&many)[2 + 9].keys, [""; 0], "no key has two digits");
    }

    #[test]
    fn a_file_binds_keys_anew_and_help_shows_them() {
        let text = "[keys]\npause = [\"Z\", \"ctrl-p\"]\n";
        let map = Keymap::read(text, &TABS).expect("it is right");
        let pause = Some(Action::Time(TimeAction::Pause));
        assert_eq!(press(&map, KeyCode::Char('p'), KeyModifiers::NONE), None);
        assert_eq!(press(&map, KeyCode::Char('p'), KeyModifiers::CONTROL), pause);
        assert!(map.help().contains(&("Z ctrl-p".to_owned(), "hold the screen")));
    }

    #[test]
    fn mistakes_name_what_is_wrong_and_what_is_allowed() {
        let wrong = |text: &str| Keymap::read(text, &TABS).expect_err("it is wrong");
        assert_eq!(wrong("[keys]\npause = 'q'"), "one key is to do both 'pause' and 'quit'");
        assert!(
            wrong("[keys]\nbanana = 'q'").starts_with("there is no such action; use next-tab,")
        );
        assert!(wrong("[keys]\npause = 'hyper-q'").starts_with("pause: there is no such key"));
        assert!(wrong("[keys]\npause = 7").starts_with("pause: expected a key"));
        assert!(wrong("[colours]\n").starts_with("the file has a table [keys]"));
        let no_toml = wrong("[keys]\nroot:$6$sekrit:19000::\n");
        assert!(no_toml.starts_with("line 2, column "), "{no_toml}");
        assert!(!no_toml.contains("sekrit"), "{no_toml}");
    }
}
