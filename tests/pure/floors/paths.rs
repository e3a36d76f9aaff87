//! The paths that code names: in `use` declarations, groups spread out, and in expressions.

/// A path as it is written, such as `super::cells::state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its segments; the last of a `use` may be `*`.
    pub segments: Vec<String>,
    /// What it is called here, where a `use` brings it in.
    pub binding: Option<String>,
    /// Whether it is given on by `pub use`.
    pub is_reexport: bool,
}

/// Every path in some code without comments and literals.
pub fn paths(code: &str) -> Vec<Named> {
    let tokens = tokens(code);
    let mut reader = Reader { tokens: &tokens, at: 0 };
    let mut found = Vec::new();
    let mut is_public = false;
    while let Some(token) = reader.peek() {
        match token {
            "use" => {
                reader.at += 1;
                reader.tree(&[], is_public, &mut found);
            }
            "pub" => {
                is_public = true;
                reader.visibility();
                continue;
            }
            token if is_word(token) => {
                let segments = reader.path();
                if segments.len() > 1 {
                    found.push(Named { segments, binding: None, is_reexport: false });
                }
            }
            _ => reader.at += 1,
        }
        is_public = false;
    }
    found
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(c) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let len = match word {
            0 if rest.starts_with("::") => 2,
            0 => c.len_utf8(),
            len => len,
        };
        tokens.push(&rest[..len]);
        rest = rest[len..].trim_start();
    }
    tokens
}

struct Reader<'c> {
    tokens: &'c [&'c str],
    at: usize,
}

impl<'c> Reader<'c> {
    fn peek(&self) -> Option<&'c str> {
        self.tokens.get(self.at).copied()
    }

    fn accept(&mut self, token: &str) -> bool {
        let here = self.peek() == Some(token);
        self.at += usize::from(here);
        here
    }

    /// Reads `pub` or `pub(…)`; what is in the parentheses is no path.
    fn visibility(&mut self) {
        self.at += 1;
        let is_restricted = self.peek() == Some("(")
            && matches!(self.tokens.get(self.at + 1), Some(&("crate" | "super" | "self" | "in")));
        if is_restricted {
            while self.peek().is_some() && !self.accept(")") {
                self.at += 1;
            }
        }
    }

    /// Reads `a::b::c`; a `::` before something else, as in `a::<T>`, ends it.
    fn path(&mut self) -> Vec<String> {
        let mut segments = Vec::new();
        while let Some(word) = self.peek().filter(|token| is_word(token)) {
            segments.push(word.to_owned());
            self.at += 1;
            let goes_on = self.tokens.get(self.at + 1).is_some_and(|next| is_word(next));
            if self.peek() != Some("::") || !goes_on {
                break;
            }
            self.at += 1;
        }
        segments
    }

    /// Reads the tree of a `use` declaration, below some segments.
    fn tree(&mut self, below: &[String], is_reexport: bool, found: &mut Vec<Named>) {
        let mut segments = below.to_vec();
        self.accept("::");
        segments.extend(self.path());
        self.accept("::");
        if self.accept("{") {
            while self.peek().is_some() && !self.accept("}") {
                self.tree(&segments, is_reexport, found);
                self.accept(",");
            }
            return;
        }
        if self.accept("*") {
            segments.push("*".to_owned());
        }
        // `a::{self}` is `a`.
        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        let own = segments.last().cloned();
        let binding = if self.accept("as") { self.path().pop() } else { own };
        found.push(Named { segments, binding, is_reexport });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str) -> Vec<String> {
        let text = |named: Named| {
            let mark = if named.is_reexport { "pub " } else { "" };
            let name = named.binding.map_or(String::new(), |name| format!(" as {name}"));
            format!("{mark}{}{name}", named.segments.join("::"))
        };
        paths(code).into_iter().map(text).collect()
    }

    #[test]
    fn groups_are_spread_out() {
        assert_eq!(
            shown("use super::{a, b::{self, C as D}}; pub use x::*; pub(crate) use y::z;"),
            [
                "super::a as a",
                "super::b as b",
                "super::b::C as D",
                "pub x::* as *",
                "pub y::z as z"
            ]
        );
    }

    #[test]
    fn expressions_name_paths_too() {
        assert_eq!(
            shown("pub(super) fn f(x: super::A) -> b::C { crate::d::e::<T>(x).map(G::h) }"),
            ["super::A", "b::C", "crate::d::e", "G::h"]
        );
    }
}
