//! The tests that the page of guarantees names exist.

use std::fs;
use std::path::{Path, PathBuf};

use super::pages::{self, Page};

/// A program of tests, as `es-core::consumer`, or the unit tests of a crate, as `es-core`.
#[derive(Debug)]
struct Binary {
    name: String,
    source: String,
}

impl Binary {
    fn named(name: &str) -> Self {
        let (package, program) = match name.split_once("::") {
            Some((package, program)) => (package, Some(program)),
            None => (name, None),
        };
        let folder = match package {
            "es-guide" => "docs/guide/code",
            "es-examples" => "examples",
            package => package,
        };
        let package = pages::root().join(folder);
        let mut source = String::new();
        match program {
            None => read_below(&package.join("src"), &mut source),
            Some(program) => {
                let program = package.join("tests").join(program);
                read_below(&program, &mut source);
                let file = program.with_extension("rs");
                source += &fs::read_to_string(file).unwrap_or_default();
            }
        }
        assert!(!source.is_empty(), "there are no tests {name}");
        Self { name: name.to_owned(), source }
    }

    /// Whether there is a test, as `module::name`, in this program.
    fn has(&self, test: &str) -> bool {
        let mut path: Vec<&str> = test.split("::").collect();
        let function = path.pop().unwrap_or_default();
        let in_modules = path.iter().all(|module| {
            let ways = [format!("mod {module} {{"), format!("mod {module};")];
            ways.iter().any(|way| self.source.contains(way))
        });
        in_modules
            && (self.has_function(function) || self.has_rule(&path, function))
    }

    fn has_function(&self, name: &str) -> bool {
        let start = format!("fn {name}(");
        let lines: Vec<&str> = self.source.lines().map(str::trim).collect();
        lines.iter().enumerate().any(|(at, line)| {
            let above = lines[..at]
                .iter()
                .rev()
                .take_while(|line| line.starts_with("#["));
            let is_test = above.into_iter().any(|line| line.contains("test"));
            line.trim_start_matches("async ").starts_with(&start) && is_test
        })
    }

    /// Whether it is a rule of a conformance suite that is called in its module.
    fn has_rule(&self, path: &[&str], rule: &str) -> bool {
        let [.., suite] = path else { return false };
        if !self.source.contains(&format!("{suite}_conformance!(")) {
            return false;
        }
        let suites = pages::root().join("es-core/src/testing/conformance");
        let file = suites.join(suite).with_extension("rs");
        let file = if file.exists() {
            file
        } else {
            suites.join(suite).join("mod.rs")
        };
        let text = fs::read_to_string(file).unwrap_or_default();
        let rules = text.split_once("suite! {").map_or("", |(_, rules)| rules);
        let rules = rules.split_once("\n}").map_or("", |(rules, _)| rules);
        rules.lines().any(|line| line.trim() == format!("{rule},"))
    }
}

fn read_below(folder: &Path, source: &mut String) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let paths: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).collect();
    for path in paths {
        if path.is_dir() {
            read_below(&path, source);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *source += &fs::read_to_string(&path).unwrap();
        }
    }
}

#[test]
fn every_promise_names_tests_that_exist() {
    let mut checked = 0;
    for rows in Page::named("guarantees.md").tables() {
        for row in rows {
            let mut names = row.last().unwrap().iter();
            let binary =
                names.next().unwrap_or_else(|| panic!("{row:?} names no test"));
            let binary = Binary::named(binary);
            let before = checked;
            for name in names {
                assert!(
                    binary.has(name),
                    "there is no test {name} in {}",
                    binary.name
                );
                checked += 1;
            }
            assert!(checked > before, "{row:?} names no test");
        }
    }
    assert!(checked > 40, "{checked} tests are few");
}

#[test]
fn a_test_that_does_not_exist_is_noticed() {
    let consumer = Binary::named("es-sqlite::conformance");
    assert!(consumer.has("event_store::a_conflict_writes_nothing"));
    assert!(!consumer.has("event_store::a_conflict_writes_something"));
    assert!(!consumer.has("feed::a_conflict_writes_nothing"));
    assert!(!consumer.has("store"), "it is a function, and no test");
}
