//! What the parser reads, what it refuses, and that it always ends.

mod headings;
mod items;
mod properties;
mod refusals;
mod shipped;

use super::{Findings, Reason, parse};

/// The items of a text in their canonical wording.
fn wordings(text: &str) -> Vec<String> {
    parse(text).items.iter().map(ToString::to_string).collect()
}

/// Line numbers and reasons of what was not read.
fn refusals(text: &str) -> Vec<(u32, Reason)> {
    reasons(&parse(text))
}

fn reasons(findings: &Findings) -> Vec<(u32, Reason)> {
    findings.unreadable.iter().map(|unreadable| (unreadable.line, unreadable.reason)).collect()
}
