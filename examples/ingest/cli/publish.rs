//! Publishing documents from the command line.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use es_core::cloud_events::{CloudEvent, Source};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::command_line::{AnyError, print};
use crate::ingest::reading::{Document, EventId};
use crate::ingest::submission::Submission;

use super::opened::{Opened, not_processing};
use super::place::Place;

/// What was published.
#[derive(Debug, Serialize)]
struct Published {
    /// The ids of the events, in the order of the documents.
    published: Vec<EventId>,
}

pub(super) async fn run(place: &Place, files: &[PathBuf], json: bool) -> Result<(), AnyError> {
    // Nothing is published before all of it can be.
    let mut published = Vec::new();
    let mut submissions = Vec::new();
    for (id, submission) in read_all(files)? {
        published.push(id);
        submissions.push(submission);
    }
    let opened = Opened::named(place, not_processing()).await?;
    opened.ingest.publisher.publish_all(&submissions).await?;
    let report = Published { published };
    print(json, &report, || {
        let ids: Vec<&str> = report.published.iter().map(EventId::as_str).collect();
        format!("published: {}", ids.join(", "))
    })?;
    opened.close().await
}

type Submissions = Vec<(EventId, CloudEvent)>;

fn read_all(files: &[PathBuf]) -> Result<Submissions, AnyError> {
    if files.is_empty() {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| format!("standard input cannot be read: {error}"))?;
        return read("standard input", &text);
    }
    let mut all = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let text = read_file(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
        all.extend(read(&name, &text)?);
    }
    Ok(all)
}

fn read_file(file: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(file)
}

/// The documents of a text, which stand one behind the other.
fn read(name: &str, text: &str) -> Result<Submissions, AnyError> {
    let source = Source::new("/ingest/command-line")?;
    let mut submissions = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Box<RawValue>>() {
        let n = submissions.len() + 1;
        let document = document.map_err(|error| format!("{name}: {error}"))?;
        let Document { id, reading } = Document::read(document.get().as_bytes());
        reading.map_err(|invalid| format!("{name}: document {n}: {invalid}"))?;
        let submission = Submission::of_document(&id, &document, source.clone())?;
        submissions.push((id, submission));
    }
    match submissions.is_empty() {
        true => Err(format!("{name}: there is no document in it").into()),
        false => Ok(submissions),
    }
}
