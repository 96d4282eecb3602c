//! Links lead somewhere, from the page and from where it is rendered.

use std::path::Path;

use super::pages::{self, Page};

#[test]
fn every_link_leads_to_a_file_of_the_repository_and_to_a_heading_in_it() {
    let mut documents = pages::all();
    documents.push(Page::named("SUMMARY.md"));
    for name in ["README.md", "CONTRIBUTING.md"] {
        documents.push(Page::read(&pages::root().join(name)));
    }
    for document in &documents {
        for (place, link) in relative_links(document) {
            check(document, &place, &link);
        }
    }
}

fn check(document: &Page, place: &str, link: &str) {
    let (path, heading) = match link.split_once('#') {
        Some((path, heading)) => (path, Some(heading)),
        None => (link, None),
    };
    let target = match path {
        "" => document.path.clone(),
        path => document.path.parent().unwrap().join(path),
    };
    let target = target
        .canonicalize()
        .unwrap_or_else(|error| panic!("{place}: {link}: {error}"));
    let inside = target.starts_with(pages::root());
    assert!(inside, "{place}: {link} leads out of the repository");
    if let Some(heading) = heading {
        let there = has_heading(&target, heading);
        assert!(there, "{place}: {link}: there is no such heading");
    }
}

fn has_heading(target: &Path, heading: &str) -> bool {
    Page::read(target).anchors().iter().any(|anchor| anchor == heading)
}

/// The rendered book is as deep below the root as the pages are, so a link by way of the root leads
/// to the same file from both. The renderer takes every `.md` for a page, which becomes `.html`.
#[test]
fn links_out_of_the_book_go_by_the_root_and_not_to_markdown() {
    for page in pages::all() {
        for (place, link) in relative_links(&page) {
            if !link.contains('/') {
                continue;
            }
            assert!(link.starts_with("../../../"), "{place}: {link}");
            assert!(!link.contains(".md"), "{place}: {link}");
        }
    }
}

fn relative_links(document: &Page) -> Vec<(String, String)> {
    let links = document.links().into_iter();
    links.filter(|(_, link)| !link.starts_with("https://")).collect()
}
