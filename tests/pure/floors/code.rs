//! The code of a file: without comments, literals and test modules.

/// The code of a file, and what it leaves to files that hold tests only.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The text, line for line, with blanks in place of comments, of what literals
    /// say and of `#[cfg(test)] mod …`.
    pub text: String,
    /// Names of the modules declared by `#[cfg(test)] mod NAME;`.
    pub test_files: Vec<String>,
}

impl Code {
    /// Reads the code of a file.
    ///
    /// Only whole modules are tests: whatever else stands behind `#[cfg(test)]`,
    /// and all that follows, is code.
    pub fn of(source: &str) -> Self {
        let mut text = without_prose(source);
        let mut test_files = Vec::new();
        let mut from = 0;
        while let Some(found) = text[from..].find("#[cfg(test)]") {
            let start = from + found;
            from = start + "#[cfg(test)]".len();
            let Some((name, end)) = module_at(&text[from..]) else { continue };
            let end = from + end;
            if text[..end].ends_with(';') {
                test_files.push(name);
            }
            text.replace_range(start..end, &blanks(&text[start..end]));
        }
        Self { text, test_files }
    }
}

/// The name of the module whose declaration `text` begins with, and where that ends.
fn module_at(text: &str) -> Option<(String, usize)> {
    let blank = text.len() - text.trim_start().len();
    let rest = text[blank..].strip_prefix("mod ")?;
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let body = text.find(['{', ';'])?;
    if text[body..].starts_with(';') {
        return Some((name, body + 1));
    }
    let mut depth = 0;
    for (at, c) in text[body..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((name, body + at + 1));
        }
    }
    None
}

/// As many blanks, with the ends of lines where they were.
fn blanks(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

/// The text with blanks in place of comments and of what literals say.
fn without_prose(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let len = prose(rest).unwrap_or(0);
        if len > 0 {
            out += &blanks(&rest[..len]);
            rest = &rest[len..];
            continue;
        }
        // A word is taken whole, so that the `r` at its end begins no raw string.
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let len = word.max(c.len_utf8());
        out += &rest[..len];
        rest = &rest[len..];
    }
    out
}

/// How long the comment or literal at the start of `text` is.
fn prose(text: &str) -> Option<usize> {
    let until = |open: usize, close: &str| {
        text[open..].find(close).map_or(text.len(), |at| open + at + close.len())
    };
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(until(2, "*/"));
    }
    let after_prefix = text.trim_start_matches(['b', 'c']);
    let raw = after_prefix.strip_prefix('r').unwrap_or_default().trim_start_matches('#');
    let prefix = text.len() - after_prefix.len();
    if raw.starts_with('"') && prefix <= 1 {
        let open = text.len() - raw.len() + 1;
        let hashes = "#".repeat(open - prefix - 2);
        return Some(until(open, &format!("\"{hashes}")));
    }
    match after_prefix.chars().next()? {
        '"' if prefix <= 1 => Some(closed(text, prefix + 1, '"')),
        // A lifetime has no second quote behind one character.
        '\'' if prefix <= 1 => {
            let mut chars = after_prefix[1..].chars();
            let escaped = chars.next()? == '\\';
            (escaped || chars.next()? == '\'').then(|| closed(text, prefix + 1, '\''))
        }
        _ => None,
    }
}

/// Where a literal ends that is open at `at`.
fn closed(text: &str, at: usize, quote: char) -> usize {
    let mut escaped = false;
    for (offset, c) in text[at..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + offset + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_test_modules_are_left_out() {
        let source = "use a;\n#[cfg(test)]\nuse b;\n#[cfg(test)]\nmod tests {\n fn x() { \"}\" }\n}\nuse c;\n";
        let code = Code::of(source);
        assert_eq!(code.text.split_whitespace().collect::<String>(), "usea;#[cfg(test)]useb;usec;");
        assert_eq!(code.text.lines().count(), source.lines().count());
        assert_eq!(Code::of("#[cfg(test)]\nmod arbitrary;\nx").test_files, ["arbitrary"]);
    }

    #[test]
    fn comments_and_literals_say_nothing() {
        let source = r##"a // x
/* x */ b "x\"x" 'x' '\'' c<'d> b"x" r#"x"x"# er"x" 'e: loop"##;
        let words: Vec<String> =
            without_prose(source).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words.join(" "), "a b c<'d> er 'e: loop");
    }
}
