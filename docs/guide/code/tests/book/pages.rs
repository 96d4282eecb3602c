//! The pages of the book, and what is on them.

use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd,
};

/// A page, or another document that is checked with them.
#[derive(Debug)]
pub struct Page {
    pub path: PathBuf,
    pub text: String,
}

/// A fenced block of code.
#[derive(Debug)]
pub struct Listing {
    /// The page and the line, for messages.
    pub place: String,
    pub language: String,
    pub body: String,
}

/// The rows of a table below its head: for each cell the pieces of code in it.
pub type Rows = Vec<Vec<Vec<String>>>;

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.join("../../..").canonicalize().unwrap()
}

/// The folder with the pages.
pub fn folder() -> PathBuf {
    root().join("docs/guide/src")
}

/// All pages, without the summary.
pub fn all() -> Vec<Page> {
    let entries =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<Page> = entries
        .filter(|path| {
            path.extension().is_some_and(|extension| extension == "md")
        })
        .filter(|path| !path.ends_with("SUMMARY.md"))
        .map(|path| Page::read(&path))
        .collect();
    pages.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(pages.len() > 10, "where is the book?");
    pages
}

impl Page {
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| {
            panic!("{} cannot be read: {error}", path.display())
        });
        Self { path: path.to_owned(), text }
    }

    /// The page called `name`.
    pub fn named(name: &str) -> Self {
        Self::read(&folder().join(name))
    }

    fn events(
        &self,
    ) -> impl Iterator<Item = (Event<'_>, std::ops::Range<usize>)> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES).into_offset_iter()
    }

    /// The place of the byte `offset`, for messages.
    fn place(&self, offset: usize) -> String {
        let line = self.text[..offset].lines().count() + 1;
        format!("{}:{line}", self.path.display())
    }

    pub fn listings(&self) -> Vec<Listing> {
        let mut listings = Vec::new();
        let mut open: Option<Listing> = None;
        for (event, range) in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language,
                        CodeBlockKind::Indented => CowStr::Borrowed("indented"),
                    };
                    let (language, place) =
                        (language.into_string(), self.place(range.start));
                    open =
                        Some(Listing { place, language, body: String::new() });
                }
                Event::Text(text) => {
                    if let Some(listing) = &mut open {
                        listing.body += &text;
                    }
                }
                Event::End(TagEnd::CodeBlock) => listings.extend(open.take()),
                _ => {}
            }
        }
        listings
    }

    /// Where links lead, each with its place.
    pub fn links(&self) -> Vec<(String, String)> {
        self.events()
            .filter_map(|(event, range)| match event {
                Event::Start(
                    Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. },
                ) => Some((self.place(range.start), dest_url.into_string())),
                _ => None,
            })
            .collect()
    }

    /// The names by which links find the headings.
    pub fn anchors(&self) -> Vec<String> {
        let mut anchors = Vec::new();
        let mut heading: Option<String> = None;
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Heading { .. }) => {
                    heading = Some(String::new())
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        *heading += &text;
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    anchors
                        .extend(heading.take().map(|heading| anchor(&heading)));
                }
                _ => {}
            }
        }
        anchors
    }

    /// The code in the tables.
    pub fn tables(&self) -> Vec<Rows> {
        let mut tables: Vec<Rows> = Vec::new();
        let mut in_body = false;
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Table(_)) => tables.push(Rows::new()),
                Event::End(TagEnd::TableHead) => in_body = true,
                Event::End(TagEnd::Table) => in_body = false,
                Event::Start(Tag::TableRow) => {
                    tables.last_mut().unwrap().push(Vec::new())
                }
                Event::Start(Tag::TableCell) if in_body => {
                    tables
                        .last_mut()
                        .unwrap()
                        .last_mut()
                        .unwrap()
                        .push(Vec::new());
                }
                Event::Code(code) if in_body => {
                    let row = tables.last_mut().unwrap().last_mut().unwrap();
                    row.last_mut().unwrap().push(code.into_string());
                }
                _ => {}
            }
        }
        tables
    }
}

/// As the renderer names a heading.
fn anchor(heading: &str) -> String {
    let characters = heading.trim().chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => {
            Some(c.to_ascii_lowercase())
        }
        c if c.is_whitespace() => Some('-'),
        _ => None,
    });
    characters.collect()
}
