//! The tracker without a kernel: scenario files and properties.

mod properties;
mod rows;
mod scenario;

use std::path::Path;

/// Every `tests/track/*.txt` says what it says it does; `BLESS=1 cargo test
/// --test pure track` writes what the tracker really says into the files.
#[test]
fn scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/track");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of scenarios")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let failed: Vec<String> = files.iter().filter_map(|path| check(path).err()).collect();
    assert!(failed.is_empty(), "not as written:\n{}", failed.join("\n"));
}

/// Whether replaying the file gives the file; otherwise what it gives.
fn check(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).expect("a scenario");
    let played = scenario::play(&text);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &played).expect("a writable scenario");
    } else if played != text {
        return Err(format!("=== {}\n{played}", path.display()));
    }
    Ok(())
}
