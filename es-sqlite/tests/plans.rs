//! Statements are planned once per connection, not for each time that they are carried out.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

/// SQLite plans a statement anew whenever another value is bound to its `LIMIT`, which takes longer than to find
/// a few rows; an expression hides the value. That the bound value is hidden is a convention, which this test keeps.
#[test]
fn no_limit_is_a_bound_value_alone() {
    let mut checked = 0;
    check(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut checked);
    assert!(checked >= 11, "{checked} bound limits were found");
}

fn check(folder: &Path, checked: &mut usize) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check(&path, checked);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            for behind in source.split("LIMIT ?").skip(1) {
                let behind = behind.trim_start_matches(|c: char| c.is_ascii_digit());
                assert!(behind.starts_with(" + 0"), "{}: {behind:.40}", path.display());
                *checked += 1;
            }
            // Where a statement is put together, the value is bound behind what is written so far.
            for behind in source.split("LIMIT \"").skip(1) {
                let (_, behind) = behind.split_once(".bind(").unwrap_or_default();
                let (_, behind) = behind.split_once('\n').unwrap_or_default();
                let is_hidden = behind.trim_start().starts_with(".with(\" + 0\")");
                assert!(is_hidden, "{}: {behind:.40}", path.display());
                *checked += 1;
            }
        }
    }
}

#[test]
fn a_limit_in_an_expression_is_not_planned_anew() {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY)").unwrap();
    let plans = |sql: &str| {
        let mut select = db.prepare(sql).unwrap();
        for limit in 1..=10 {
            assert!(!select.exists([limit]).unwrap());
        }
        select.get_status(rusqlite::StatementStatus::RePrepare)
    };
    assert_eq!(plans("SELECT a FROM t ORDER BY a LIMIT ?1 + 0"), 0);
    // Should this fail one day, the convention above is not needed any more.
    assert!(plans("SELECT a FROM t ORDER BY a LIMIT ?1") > 0);
}
