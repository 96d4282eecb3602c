//! A file of [`export`](super::export), checked or brought into the log.

use std::path::{Path, PathBuf};

use es_core::SystemClock;
use es_core::archive::{self, ArchiveError, Import, Report};
use serde::Serialize;
use tokio::fs::File;

use crate::command_line::{AnyError, print, sentence, shutdown_signal};

use super::bar::Bar;
use super::opened::Opened;
use super::place::Place;

/// What was done.
#[derive(Debug, Serialize)]
struct Imported {
    commits: u64,
    events: u64,
    /// How many of the commits were there before.
    skipped: u64,
    digest: String,
    seconds: f64,
}

pub(super) async fn run(place: Place, file: PathBuf, json: bool) -> Result<(), AnyError> {
    // Looked for first, so that a mistyped name makes no data directory.
    let source = Source::open(&file).await?;
    let opened = Opened::named(place).await?;
    let report = tokio::select! {
        report = import(&opened, source) => report?,
        signal = shutdown_signal() => {
            signal?;
            let message = "the import was broken off; importing the file again goes on from there";
            return Err(message.into());
        }
    };
    let imported = Imported::new(report);
    print(json, &imported, || imported.to_text(&opened))?;
    opened.close().await
}

/// Checks the file, and needs no data for it.
pub(super) async fn verify(file: PathBuf, json: bool) -> Result<(), AnyError> {
    let source = Source::open(&file).await?;
    let show = |report| source.bar.show_file(report);
    let checked = archive::verify_with(source.file, &SystemClock, show).await;
    drop(source.bar);
    let report = Imported::new(checked.map_err(|error| describe(&file, error))?);
    print(json, &report, || {
        let Imported { commits, events, digest, .. } = &report;
        let file = file.display();
        format!("{file} is whole: {commits} commits with {events} events\ndigest {digest}")
    })
}

async fn import(opened: &Opened, source: Source) -> Result<Report, AnyError> {
    let import = Import::new(opened.dispensary.dispenses.store().clone());
    let show = |report| source.bar.show_file(report);
    let imported = import.read_from_with(source.file, show).await;
    imported.map_err(|error| describe(&source.path, error))
}

/// An open file, and how far it is read.
struct Source {
    path: PathBuf,
    file: File,
    bar: Bar,
}

impl Source {
    async fn open(path: &Path) -> Result<Self, AnyError> {
        let cannot = |error| format!("{} cannot be read: {error}", path.display());
        let file = File::open(path).await.map_err(cannot)?;
        let len = file.metadata().await.map_err(cannot)?.len();
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Ok(Self { path: path.to_owned(), file, bar: Bar::of_file(&name, len)? })
    }
}

/// What an operator can do about it.
fn describe(file: &Path, error: ArchiveError) -> AnyError {
    let file = file.display();
    match error {
        ArchiveError::Truncated { .. } => {
            format!("{file}: {error}; export it again, or copy it again").into()
        }
        error if error.is_transient() => {
            let cause = sentence(&error);
            format!("{file}: {cause}; importing the file again goes on from there").into()
        }
        error => format!("{file}: {}", sentence(&error)).into(),
    }
}

impl Imported {
    fn new(report: Report) -> Self {
        let Report { commits, events, skipped, digest, elapsed, .. } = report;
        let (digest, seconds) = (digest.to_string(), elapsed.as_secs_f64());
        Self { commits, events, skipped, digest, seconds }
    }

    fn to_text(&self, opened: &Opened) -> String {
        let Self { commits, events, skipped, digest, .. } = self;
        let Opened { arguments, files, .. } = opened;
        let new = commits - skipped;
        format!(
            "{new} commits are imported, {skipped} were there already: {commits} commits with \
             {events} events\n\
             digest {digest}\n\
             the prescription files are not part of it: first copy the directory `objects` of the \
             exported dispensary to {files}, or what was uploaded waits in the dead letters\n\
             then the views follow when the program runs: `dispensary serve {arguments}`"
        )
    }
}
