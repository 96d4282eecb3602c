//! The log as a file.

use std::path::{Path, PathBuf};

use es_core::archive::{Export, Report};
use serde::Serialize;
use tokio::fs::File;

use crate::command_line::{AnyError, print, shutdown_signal};

use super::bar::Bar;
use super::opened::{Files, Opened};
use super::place::Place;

/// What was done.
#[derive(Debug, Serialize)]
struct Exported {
    file: PathBuf,
    commits: u64,
    events: u64,
    bytes: u64,
    digest: String,
    seconds: f64,
}

pub(super) async fn run(
    place: Place,
    file: PathBuf,
    force: bool,
    json: bool,
) -> Result<(), AnyError> {
    if !force && file.try_exists()? {
        let file = file.display();
        return Err(format!("{file} is there already; --force writes over it").into());
    }
    let opened = Opened::existing(place).await?;
    let unfinished = unfinished(&file);
    let exported = tokio::select! {
        exported = export(&opened, &unfinished) => exported,
        signal = shutdown_signal() => match signal {
            Ok(()) => Err("the export was broken off; nothing of it is kept".into()),
            Err(error) => Err(error.into()),
        },
    };
    let report = match exported {
        Ok(report) => report,
        Err(error) => {
            // It may not have been made; what is left of it can be seen by its name.
            let _ = tokio::fs::remove_file(&unfinished).await;
            return Err(error);
        }
    };
    tokio::fs::rename(&unfinished, &file).await?;
    let exported = Exported::new(file, report);
    print(json, &exported, || exported.to_text(&opened.files))?;
    opened.close().await
}

/// The name of the file until it is whole.
fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

async fn export(opened: &Opened, path: &Path) -> Result<Report, AnyError> {
    let cannot = |error| format!("{} cannot be written: {error}", path.display());
    let mut file = File::create(path).await.map_err(cannot)?;
    let log = opened.dispensary.dispenses.store().clone();
    let bar = Bar::of_commits("export")?;
    let export = Export::new(opened.feed.clone(), log);
    let report = export.write_to_with(&mut file, |report| bar.show_export(report)).await?;
    file.sync_all().await?;
    Ok(report)
}

impl Exported {
    fn new(file: PathBuf, report: Report) -> Self {
        let Report { commits, events, bytes, digest, elapsed, .. } = report;
        let (digest, seconds) = (digest.to_string(), elapsed.as_secs_f64());
        Self { file, commits, events, bytes, digest, seconds }
    }

    fn to_text(&self, files: &Files) -> String {
        let Self { file, commits, events, digest, .. } = self;
        let file = file.display();
        format!(
            "{commits} commits with {events} events are in {file}\n\
             digest {digest}\n\
             the prescription files are not part of it: copy {files}"
        )
    }
}
