//! The programs print what the book shows, and the statements for the shell find what it says.
//!
//! `GUIDE_ACCEPT=1 cargo test -p es-guide --test story` takes what they print now into the book.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rusqlite::Connection;
use rusqlite::types::Value;

#[test]
fn the_programs_print_what_the_book_shows() {
    let place = tempfile::tempdir().unwrap();
    let mut printed = Vec::new();
    for program in programs() {
        let output = run(&program, place.path());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} failed: {errors}");
        let text = String::from_utf8(output.stdout).unwrap();
        printed.push((program, text));
    }
    for name in statements() {
        let rows = query(&name, place.path());
        printed.push((format!("sql-{name}"), rows));
    }
    compare(printed);

    // One of the statements makes a backup. It is a whole library.
    let restored = tempfile::tempdir().unwrap();
    let (backup, database) = ("library-backup.db", "library.db");
    fs::rename(place.path().join(backup), restored.path().join(database))
        .unwrap();
    let original = query("commits", place.path());
    assert_eq!(query("commits", restored.path()), original);
    assert!(run("rebuild", restored.path()).status.success());
}

/// The names of all programs, in the order of the book.
fn programs() -> Vec<String> {
    let output = run("none of them", Path::new("."));
    assert!(!output.status.success());
    let listing = String::from_utf8(output.stderr).unwrap();
    let names: Vec<String> = listing
        .lines()
        .filter_map(|line| line.strip_prefix("  ").map(str::to_owned))
        .collect();
    assert!(!names.is_empty(), "{listing}");
    names
}

fn run(program: &str, place: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_es-guide"));
    command.arg(program).current_dir(place).output().unwrap()
}

/// The names of the statements that the book gives for the `sqlite3` shell.
fn statements() -> BTreeSet<String> {
    fs::read_dir(folder("sql"))
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// The rows that a statement gives, as the `sqlite3` shell prints them.
fn query(name: &str, place: &Path) -> String {
    // Relative paths in statements are those of the shell's directory.
    let statement =
        fs::read_to_string(folder("sql").join(name).with_extension("sql"))
            .unwrap();
    let statement = statement
        .replace("'library-", &format!("'{}/library-", place.display()));
    let database = Connection::open(place.join("library.db")).unwrap();
    let mut prepared = database.prepare(&statement).unwrap();
    let columns = prepared.column_count();
    let mut rows = prepared.query([]).unwrap();
    let mut text = String::new();
    while let Some(row) = rows.next().unwrap() {
        let cells: Vec<String> =
            (0..columns).map(|n| shown(row.get(n).unwrap())).collect();
        text += &cells.join("|");
        text += "\n";
    }
    text
}

fn shown(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Holds what was printed against the files that the book includes.
fn compare(printed: Vec<(String, String)>) {
    let file = |name: &str| folder("output").join(name).with_extension("txt");
    let printed = printed.into_iter().filter(|(_, text)| !text.is_empty());
    if std::env::var_os("GUIDE_ACCEPT").is_some() {
        fs::remove_dir_all(folder("output")).unwrap();
        fs::create_dir(folder("output")).unwrap();
        printed.for_each(|(name, text)| fs::write(file(&name), text).unwrap());
        return;
    }
    let mut stale: BTreeSet<PathBuf> = fs::read_dir(folder("output"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    for (name, text) in printed {
        let shown = fs::read_to_string(file(&name)).unwrap_or_default();
        assert_eq!(
            text, shown,
            "{name} prints something else than the book shows"
        );
        stale.remove(&file(&name));
    }
    assert!(stale.is_empty(), "no program prints these: {stale:?}");
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
