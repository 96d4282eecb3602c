//! The page about telemetry has the names that the crates emit, all of them and no others.

use std::collections::BTreeSet;
use std::fs;

use super::pages::{self, Page};

const SOURCES: [&str; 7] = [
    "es-core/src/telemetry.rs",
    "es-dynamodb/src/telemetry.rs",
    "es-eventbridge/src/telemetry.rs",
    "es-kinesis/src/telemetry.rs",
    "es-routing/src/telemetry.rs",
    "es-sns-sqs/src/telemetry.rs",
    "es-sqlite/src/telemetry.rs",
];

/// A name with its fields or labels.
type Named = (String, BTreeSet<String>);

fn sources() -> String {
    SOURCES
        .iter()
        .map(|path| fs::read_to_string(pages::root().join(path)).unwrap())
        .collect()
}

/// The rows of the page's table `n`: the name in the first cell, fields or labels in the third.
fn on_the_page(table: usize) -> BTreeSet<Named> {
    let rows = Page::named("telemetry.md").tables().swap_remove(table);
    rows.into_iter()
        .map(|mut cells| {
            let labels = cells.swap_remove(1).into_iter().collect();
            (cells[0][0].clone(), labels)
        })
        .collect()
}

/// The words in backticks, without those in parentheses, which are values.
fn names_in(text: &str) -> BTreeSet<String> {
    let mut outside = String::new();
    let mut depth = 0;
    for character in text.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => outside.push(character),
            _ => {}
        }
    }
    outside.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_metrics_are_those_of_the_crates() {
    let mut metrics = BTreeSet::new();
    let mut documentation = String::new();
    for line in sources().lines() {
        if let Some(text) = line.strip_prefix("///") {
            documentation += text;
        } else if let Some(constant) = line.strip_prefix("pub const ") {
            let name = constant.split('"').nth(1).unwrap().to_owned();
            let labels = documentation
                .split_once("Label")
                .map_or("", |(_, labels)| labels);
            metrics.insert((name, names_in(labels)));
            documentation.clear();
        }
    }
    assert!(metrics.len() > 10);
    assert_eq!(on_the_page(1), metrics);
}

#[test]
fn the_spans_are_those_of_the_crates() {
    let spans: BTreeSet<Named> = sources()
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("//! | `")?.split(" | ");
            let name = cells.next()?.split('`').next()?.to_owned();
            Some((name, names_in(cells.next()?)))
        })
        .collect();
    assert!(spans.len() > 3);
    assert_eq!(on_the_page(0), spans);
}
