//! No listing is written by hand that could be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::pages::{self, Listing, Page};

/// Where listings of a language come from: files that are compiled, run, or compared with what runs.
/// Other languages than these are written by hand.
fn sources(language: &str) -> &'static [&'static str] {
    match language {
        "rust" => &[
            "docs/guide/code/src",
            "es-cloudformation/tests/first_steps.rs",
            "es-dynamodb/tests/first_steps.rs",
            "es-eventbridge/tests/first_steps.rs",
            "es-kinesis/tests/first_steps.rs",
            "es-lambda/tests/first_steps.rs",
        ],
        "text" => &["docs/guide/code/output", "docs/guide/code/stored"],
        "json" => &["docs/guide/code/rules"],
        "sql" => &["docs/guide/code/sql"],
        _ => &[],
    }
}

/// A line that takes a file, or a part of it, into a page.
#[derive(Debug)]
struct Include {
    place: String,
    file: PathBuf,
    anchor: Option<String>,
}

fn includes(page: &Page, listing: &Listing) -> Vec<Include> {
    let folder = page.path.parent().unwrap();
    let lines = listing.body.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let what = line
                .strip_prefix("{{#include ")
                .and_then(|rest| rest.strip_suffix("}}"));
            let Some(what) = what else {
                panic!("{}: written by hand: {line}", listing.place);
            };
            let (path, anchor) = match what.split_once(':') {
                Some((path, anchor)) => (path, Some(anchor.to_owned())),
                None => (what, None),
            };
            let file = folder.join(path).canonicalize();
            let file = file.unwrap_or_else(|error| {
                panic!("{}: {path}: {error}", listing.place)
            });
            Include { place: listing.place.clone(), file, anchor }
        })
        .collect()
}

fn all_includes() -> Vec<Include> {
    let mut all = Vec::new();
    for page in pages::all() {
        let listings = page.listings().into_iter();
        for listing in listings.filter(|l| !sources(&l.language).is_empty()) {
            all.extend(includes(&page, &listing));
        }
    }
    all
}

#[test]
fn code_output_and_statements_are_included_from_files_that_are_tested() {
    for page in pages::all() {
        for listing in page.listings() {
            let (place, language) = (&listing.place, listing.language.as_str());
            let sources = sources(language);
            if sources.is_empty() {
                assert!(
                    ["sh", "toml"].contains(&language),
                    "{place}: nothing checks {language:?}"
                );
                continue;
            }
            let included = includes(&page, &listing);
            assert!(!included.is_empty(), "{place} is empty");
            for Include { file, .. } in included {
                let inside =
                    |source| file.starts_with(pages::root().join(source));
                assert!(
                    sources.iter().any(inside),
                    "{place}: not in {sources:?}"
                );
            }
        }
    }
}

#[test]
fn nothing_is_included_outside_of_listings() {
    for page in pages::all() {
        let listings = page.listings();
        let inside: usize =
            listings.iter().map(|l| l.body.matches("{{#").count()).sum();
        assert_eq!(
            page.text.matches("{{#").count(),
            inside,
            "{}",
            page.path.display()
        );
    }
}

#[test]
fn every_anchor_that_is_included_is_there_once_and_has_lines() {
    for Include { place, file, anchor } in all_includes() {
        let Some(anchor) = anchor else { continue };
        let text = fs::read_to_string(&file).unwrap();
        let at = |mark: String| {
            let lines = text
                .lines()
                .enumerate()
                .filter(|(_, line)| line.trim() == mark);
            let lines: Vec<usize> = lines.map(|(number, _)| number).collect();
            assert_eq!(
                lines.len(),
                1,
                "{place}: `{mark}` in {}",
                file.display()
            );
            lines[0]
        };
        let begin = at(format!("// ANCHOR: {anchor}"));
        let end = at(format!("// ANCHOR_END: {anchor}"));
        assert!(begin + 1 < end, "{place}: {anchor} has no lines");
    }
}

#[test]
fn every_anchor_is_on_a_page_and_every_output_is_shown() {
    let mut used = BTreeMap::<PathBuf, BTreeSet<String>>::new();
    for include in all_includes() {
        used.entry(include.file).or_default().extend(include.anchor);
    }
    let mut seen = 0;
    for file in files_below(&pages::root().join("docs/guide/code")) {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(pages::root()).unwrap().display();
        if file.parent().unwrap().ends_with("output")
            || file.parent().unwrap().ends_with("sql")
        {
            assert!(used.contains_key(&file), "{name} is on no page");
        }
        if !file.starts_with(pages::root().join("docs/guide/code/src")) {
            continue;
        }
        for line in text.lines().filter(|line| line.contains("ANCHOR: ")) {
            let anchor = line.trim().strip_prefix("// ANCHOR: ");
            let anchor = anchor.unwrap_or_else(|| {
                panic!("{name}: code beside a mark: {line}")
            });
            let is_used =
                used.get(&file).is_some_and(|anchors| anchors.contains(anchor));
            assert!(is_used, "{name}: {anchor} is on no page");
            seen += 1;
        }
    }
    assert!(seen > 30, "where are the anchors?");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path))
        } else {
            files.push(path)
        }
    }
    files
}

#[test]
fn the_manifest_is_that_of_the_code() {
    let compiled =
        fs::read_to_string(pages::root().join("docs/guide/code/Cargo.toml"))
            .unwrap();
    let compiled: toml::Table = compiled.parse().unwrap();
    let manifests = pages::all().into_iter().flat_map(|page| page.listings());
    let manifests: Vec<Listing> = manifests
        .filter(|l| l.language == "toml" && l.body.contains("[package]"))
        .collect();
    let [manifest] = &manifests[..] else {
        panic!("one manifest, not {manifests:?}")
    };
    let shown: toml::Table = manifest.body.parse().unwrap();
    let names = |manifest: &toml::Table, section: &str| -> BTreeSet<String> {
        manifest[section].as_table().unwrap().keys().cloned().collect()
    };
    assert_eq!(names(&shown, "dependencies"), names(&compiled, "dependencies"));
    let (shown, compiled) = (
        names(&shown, "dev-dependencies"),
        names(&compiled, "dev-dependencies"),
    );
    assert!(
        shown.is_subset(&compiled),
        "{shown:?} are not all in {compiled:?}"
    );
}

#[test]
fn dependencies_that_are_shown_for_dynamodb_are_those_of_its_tests() {
    let read = |path: &str| -> toml::Table {
        let text = fs::read_to_string(pages::root().join(path)).unwrap();
        text.parse().unwrap()
    };
    let page = Page::named("dynamodb.md");
    let shown = page.listings().into_iter().find(|l| l.language == "toml");
    let shown: toml::Table = shown.unwrap().body.parse().unwrap();
    let compiled = read("es-dynamodb/Cargo.toml");
    for (name, _) in shown["dependencies"].as_table().unwrap() {
        let is_itself = compiled["package"]["name"].as_str() == Some(name);
        let is_used = compiled["dependencies"].get(name).is_some();
        assert!(is_itself || is_used, "{name}");
    }
    let server = &shown["dev-dependencies"]["dynoxide-rs"];
    let of_all = read("Cargo.toml");
    assert_eq!(*server, of_all["workspace"]["dependencies"]["dynoxide-rs"]);
}

#[test]
fn commands_name_programs_that_there_are() {
    let programs = pages::root().join("docs/guide/code/src/programs/mod.rs");
    let programs = fs::read_to_string(programs).unwrap();
    let mut seen = 0;
    for listing in pages::all().iter().flat_map(Page::listings) {
        if listing.language != "sh" {
            continue;
        }
        for line in listing.body.lines() {
            let Some((_, program)) =
                line.split_once("cargo run -p es-guide -- ")
            else {
                continue;
            };
            let there = programs.contains(&format!("name: \"{program}\""));
            assert!(there, "{}: there is no program {program}", listing.place);
            seen += 1;
        }
    }
    assert!(seen > 5, "the book runs {seen} programs only");
}
