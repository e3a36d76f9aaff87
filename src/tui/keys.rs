//! Keys and what they do: one table behind dispatch, help and the config file.

use std::collections::HashMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Ends the program.
    Quit,
    /// Ends it and leaves the last screen in the scrollback.
    QuitKeep,
    /// Stops the program, for the shell's `fg`.
    Suspend,
    /// Shows the keys.
    Help,
    /// Explains what is selected.
    Explain,
    /// Goes to the tab on the right.
    NextTab,
    /// Goes to the tab on the left.
    PreviousTab,
    /// Goes to a tab by its number.
    Tab(u8),
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
    /// Opens details, or the sockets behind a row.
    Open,
    /// Scrolls the details on.
    DetailsDown,
    /// Scrolls the details back.
    DetailsUp,
    /// Closes what is open, clears the filter.
    Back,
    /// Types a filter.
    Filter,
    /// Shows what the filter does not select.
    Invert,
    /// Sorts by the next column.
    Sort,
    /// Turns the order round.
    Reverse,
    /// Keeps the row on top.
    Pin,
    /// Holds the screen; collecting goes on.
    Pause,
    /// Keeps the cursor on the socket.
    Follow,
    /// Shows only rows that an alert is about.
    Faults,
    /// Looks more often.
    Faster,
    /// Looks less often.
    Slower,
    /// Names for numbers.
    Names,
    /// More columns.
    Wide,
    /// Chooses columns.
    Columns,
    /// Groups by the next key.
    GroupBy,
    /// Shows the command line that lists the same.
    Command,
    /// Writes what is shown to a file.
    Export,
    /// Acts on the socket or its process.
    Act,
    /// Steps back in time while paused.
    Earlier,
    /// Steps forward again.
    Later,
}

/// An action with its name in the config file, its keys, and its help.
pub struct Binding {
    /// What is done.
    pub action: Action,
    /// Its name in the config file.
    pub name: &'static str,
    /// The keys when nobody says otherwise.
    pub keys: &'static [&'static str],
    /// What it does, a few words.
    pub help: &'static str,
}

const fn bind(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
) -> Binding {
    Binding { action, name, keys, help }
}

/// Every action.
pub const BINDINGS: &[Binding] = &[
    bind(Action::NextTab, "next-tab", &["tab", "right"], "next tab"),
    bind(Action::PreviousTab, "previous-tab", &["backtab", "left"], "previous tab"),
    bind(Action::Tab(0), "overview", &["1"], "Overview"),
    bind(Action::Tab(1), "sockets", &["2"], "Sockets"),
    bind(Action::Tab(2), "listeners", &["3"], "Listeners"),
    bind(Action::Tab(3), "groups", &["4"], "Groups"),
    bind(Action::Tab(4), "events", &["5"], "Events"),
    bind(Action::Tab(5), "ports", &["6"], "Ports"),
    bind(Action::Tab(6), "map", &["7"], "Map"),
    bind(Action::Up, "up", &["up", "k"], "up"),
    bind(Action::Down, "down", &["down", "j"], "down"),
    bind(Action::PageUp, "page-up", &["pageup", "ctrl-b"], "a screen up"),
    bind(Action::PageDown, "page-down", &["pagedown", "ctrl-f"], "a screen down"),
    bind(Action::First, "first", &["g", "home"], "first row"),
    bind(Action::Last, "last", &["G", "end"], "last row"),
    bind(Action::Open, "open", &["enter"], "details, its sockets"),
    bind(Action::DetailsDown, "details-down", &["ctrl-d"], "more of the details"),
    bind(Action::DetailsUp, "details-up", &["ctrl-u"], "details: back up"),
    bind(Action::Back, "back", &["esc"], "close, clear the filter"),
    bind(Action::Filter, "filter", &["/"], "filter, as in list"),
    bind(Action::Invert, "invert", &["!"], "invert the filter"),
    bind(Action::Sort, "sort", &["s"], "sort by the next column"),
    bind(Action::Reverse, "reverse", &["S"], "turn the order round"),
    bind(Action::Pin, "pin", &["space"], "keep the socket on top"),
    bind(Action::Follow, "follow", &["F"], "the cursor follows it"),
    bind(Action::Faults, "faults", &["f"], "only what alerts name"),
    bind(Action::Pause, "pause", &["p"], "hold the screen"),
    bind(Action::Earlier, "earlier", &["["], "paused: a step back"),
    bind(Action::Later, "later", &["]"], "paused: a step forward"),
    bind(Action::Faster, "faster", &["+"], "look more often"),
    bind(Action::Slower, "slower", &["-"], "look less often"),
    bind(Action::GroupBy, "group-by", &["b"], "group by the next key"),
    bind(Action::Names, "names", &["n"], "names of services"),
    bind(Action::Wide, "wide", &["w"], "more columns"),
    bind(Action::Columns, "columns", &["c"], "choose columns"),
    bind(Action::Command, "command", &["y"], "the same as a command"),
    bind(Action::Export, "export", &["x"], "write it to a file"),
    bind(Action::Act, "act", &["K"], "act on it, its process"),
    bind(Action::Explain, "explain", &["e"], "explain the selected"),
    bind(Action::Help, "help", &["?", "h", "f1"], "these keys"),
    bind(Action::Suspend, "suspend", &["ctrl-z"], "stop, fg goes on"),
    bind(Action::Quit, "quit", &["q", "ctrl-c"], "quit"),
    bind(Action::QuitKeep, "quit-keep", &["Q"], "quit, keep the screen"),
];

type Key = (KeyCode, KeyModifiers);

/// Which key does what.
#[derive(Clone, Debug)]
pub struct Keymap {
    keys: HashMap<Key, Action>,
    /// The keys of each of [`BINDINGS`], as they are shown.
    names: Vec<Vec<String>>,
}

impl Default for Keymap {
    fn default() -> Self {
        let names = BINDINGS.iter().map(|b| b.keys.iter().map(|k| (*k).to_owned()).collect());
        Self::of(names.collect()).unwrap_or_else(|clash| unreachable!("{clash}"))
    }
}

impl Keymap {
    /// The keys of a config file, TOML with a table `[keys]`: an action's name
    /// and a key or a list of keys; what it does not name stays.
    ///
    /// # Errors
    /// For a file that makes no sense, an action or key that there is not, and
    /// for a key that is to do two things, which are then both named. Of the
    /// file nothing is quoted: it may be one that its reader is not to see.
    pub fn read(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|error| no_toml(text, &error))?;
        if table.keys().any(|name| name != "keys") {
            return Err("the file has a table [keys] and nothing else".to_owned());
        }
        let mut names: Vec<Vec<String>> =
            BINDINGS.iter().map(|b| b.keys.iter().map(|k| (*k).to_owned()).collect()).collect();
        let Some(keys) = table.get("keys") else { return Self::of(names) };
        let keys = keys.as_table().ok_or("keys is a table: [keys]")?;
        for (name, value) in keys {
            let place = BINDINGS.iter().position(|binding| binding.name == name);
            let known = || BINDINGS.iter().map(|b| b.name).collect::<Vec<&str>>().join(", ");
            let place = place.ok_or_else(|| format!("there is no such action; use {}", known()))?;
            names[place] = strings(value).ok_or_else(|| {
                format!("{}: expected a key or a list of keys, as [\"p\"]", BINDINGS[place].name)
            })?;
        }
        Self::of(names)
    }

    fn of(names: Vec<Vec<String>>) -> Result<Self, String> {
        let mut keys: HashMap<Key, usize> = HashMap::new();
        for (place, of_action) in names.iter().enumerate() {
            for name in of_action {
                let key = parse(name).ok_or_else(|| {
                    format!(
                        "{}: there is no such key; use a character, {}",
                        BINDINGS[place].name, KEY_NAMES
                    )
                })?;
                if let Some(other) = keys.insert(key, place).filter(|other| *other != place) {
                    let (one, two) = (BINDINGS[other].name, BINDINGS[place].name);
                    return Err(format!("one key is to do both '{one}' and '{two}'"));
                }
            }
        }
        let keys = keys.into_iter().map(|(key, place)| (key, BINDINGS[place].action)).collect();
        Ok(Self { keys, names })
    }

    /// What a key does.
    pub fn action(&self, key: &KeyEvent) -> Option<Action> {
        self.keys.get(&plain(key.code, key.modifiers)).copied()
    }

    /// Every action with its keys and what it does, for help; the tabs, which
    /// have their keys on the screen, in one line.
    pub fn help(&self) -> Vec<(String, &'static str)> {
        let is_tab = |binding: &Binding| matches!(binding.action, Action::Tab(_));
        let named = || BINDINGS.iter().zip(&self.names);
        let tabs = named().filter(|(binding, _)| is_tab(binding));
        let tabs: Vec<&str> =
            tabs.filter_map(|(_, keys)| keys.first()).map(String::as_str).collect();
        let others = named().filter(|(binding, _)| !is_tab(binding));
        let others = others.map(|(binding, keys)| (keys.join(" "), binding.help));
        std::iter::once((tabs.join(""), "a tab by its number")).chain(others).collect()
    }

    /// The first key of an action, for hints.
    pub fn key_of(&self, action: Action) -> &str {
        let place = BINDINGS.iter().position(|binding| binding.action == action);
        place.and_then(|place| self.names[place].first()).map_or("", String::as_str)
    }
}

/// Where a file is no TOML and what the parser misses there.
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

/// The key of a name such as `p`, `G`, `ctrl-f`, `pageup`.
fn parse(name: &str) -> Option<Key> {
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

/// Shift is in the character already.
fn plain(code: KeyCode, modifiers: KeyModifiers) -> Key {
    (code, modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(map: &Keymap, code: KeyCode, modifiers: KeyModifiers) -> Option<Action> {
        map.action(&KeyEvent::new(code, modifiers))
    }

    #[test]
    fn every_key_of_the_table_is_understood_and_does_one_thing() {
        let map = Keymap::default();
        for binding in BINDINGS {
            for key in binding.keys {
                let (code, modifiers) = parse(key).expect("a key");
                assert_eq!(press(&map, code, modifiers), Some(binding.action), "{key}");
            }
        }
        let shifted = press(&map, KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(shifted, Some(Action::Last));
    }

    #[test]
    fn names_of_actions_are_unique() {
        let mut names: Vec<&str> = BINDINGS.iter().map(|binding| binding.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BINDINGS.len());
    }

    #[test]
    fn a_file_binds_keys_anew_and_help_shows_them() {
        let map = Keymap::read("[keys]\npause = [\"Z\", \"ctrl-p\"]\n").expect("it is right");
        assert_eq!(press(&map, KeyCode::Char('p'), KeyModifiers::NONE), None);
        assert_eq!(press(&map, KeyCode::Char('p'), KeyModifiers::CONTROL), Some(Action::Pause));
        assert!(map.help().contains(&("Z ctrl-p".to_owned(), "hold the screen")));
    }

    #[test]
    fn mistakes_name_what_is_wrong_and_what_is_allowed() {
        let wrong = |text: &str| Keymap::read(text).expect_err("it is wrong");
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
