//! The summary has every page.

use std::collections::BTreeSet;

use super::pages::{self, Page};

#[test]
fn the_summary_lists_every_page_once() {
    let listed: Vec<String> = Page::named("SUMMARY.md")
        .links()
        .into_iter()
        .map(|(_, link)| link)
        .collect();
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), once.len(), "a page is listed twice: {listed:?}");
    let pages: BTreeSet<String> = pages::all()
        .iter()
        .map(|page| page.path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(once, pages);
}
