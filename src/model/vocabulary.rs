//! One vocabulary for what a socket has: words of the filter and names of fields,
//! each understood where the other is.

/// Names of fields, each with the word by which the filter tests the same thing where
/// that differs. A word of several fields is another name of the first of them.
const SHARED: [(&str, &str); 11] = [
    ("local", "src"),
    ("local-addr", "src"),
    ("local-port", "sport"),
    ("remote", "dst"),
    ("remote-addr", "dst"),
    ("remote-port", "dport"),
    ("ifindex", "dev"),
    ("mark", "fwmark"),
    ("rtt_us", "rtt"),
    ("comm", "process"),
    ("uid", "user"),
];

/// A field that the filter tests by its own name and by another word too.
const OWNER: (&str, &str) = ("process", "owner");

/// Tells whether two names are one: their case, `-` and `_` do not matter.
pub fn same(a: &str, b: &str) -> bool {
    fn plain(name: &str) -> impl Iterator<Item = char> {
        name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase())
    }
    plain(a).eq(plain(b))
}

/// Returns the name of the field that a word of the filter is about, where no field has
/// that word for its name.
pub fn field_of(word: &str) -> Option<&'static str> {
    let mut all = SHARED.iter().chain([&OWNER]);
    all.find(|(_, test)| same(test, word)).map(|(field, _)| *field)
}

/// Returns the word that tests a field, where its name is no word of the filter.
pub fn test_of(field: &str) -> Option<&'static str> {
    SHARED.iter().find(|(name, _)| same(name, field)).map(|(_, test)| *test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_name_leads_to_the_other() {
        assert_eq!(field_of("sport"), Some("local-port"));
        assert_eq!(field_of("SRC"), Some("local"));
        assert_eq!(test_of("Local_Port"), Some("sport"));
        assert_eq!(test_of("rttus"), Some("rtt"));
        assert_eq!((field_of("age"), test_of("age")), (None, None));
    }
}
