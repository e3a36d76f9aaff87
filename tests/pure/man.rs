//! The committed man page is the generated one, and explains what it must.

const COMMITTED: &str = include_str!("../../man/sockstate.1");

#[test]
fn the_committed_page_is_the_generated_one() {
    let generated = sockstate::testing::cli::man::page();
    let differs =
        COMMITTED.lines().zip(generated.lines()).position(|(old, new)| old != new).map(|i| i + 1);
    assert!(
        COMMITTED == generated,
        "man/sockstate.1 is not what the flags and man/sections.roff say (first difference in \
         line {differs:?}): renew it with `cargo run --release -- man > man/sockstate.1`"
    );
}

#[test]
fn the_page_is_clean_and_names_what_it_must() {
    for section in [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "COMMANDS",
        "OPTIONS",
        "FIELDS",
        "STATES",
        "FILTER",
        "COLUMNS",
        "EXAMPLES",
        "EXIT STATUS",
        "PRIVILEGES",
        "ENVIRONMENT",
        "FILES",
        "DIFFERENCES FROM SS",
        "BUGS",
        "SEE ALSO",
    ] {
        assert!(COMMITTED.contains(&format!("\n.SH {section}\n")), "no section {section}");
    }
    assert!(COMMITTED.is_ascii(), "troff without preconv reads ASCII only");
    for (number, line) in COMMITTED.lines().enumerate() {
        assert_eq!(line, line.trim_end(), "blank at the end of line {}", number + 1);
        assert!(!line.is_empty(), "line {} is empty: use .PP or .sp", number + 1);
    }
}

/// What the parser says is allowed is what the page explains.
#[test]
fn every_test_of_the_filter_is_explained() {
    let from = COMMITTED.find("\n.SH FILTER\n").expect("there is a section");
    let section = &COMMITTED[from + 1..];
    let section = &section[..section.find("\n.SH ").unwrap_or(section.len())];
    let error = sockstate::testing::filter::parse("banana").expect_err("no test of the filter");
    let (_, tests) = error.expected.split_once(": ").expect("a list");
    for test in tests.split(", ") {
        let is_tag = |line: &str| {
            let tag = line.strip_prefix(".BI ").or(line.strip_prefix(".B ")).unwrap_or_default();
            tag.trim_matches('"').split(['\\', ' ']).next() == Some(test)
        };
        assert!(section.lines().any(is_tag), "FILTER does not explain {test}");
    }
}
