//! Documents in, by all ways, and what became of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use es_core::Backoff;

use crate::command_line::{AnyError, print};
use crate::http::Metrics;
use crate::ingest::api::{self, App};
use crate::ingest::journey::{Journey, read_samples};
use crate::ingest::report::Totals;
use crate::ingest::service::Options;
use crate::ingest::stations::{KnownStations, Unreliable};

use super::opened::Opened;
use super::place::Place;
use super::roles::Roles;

pub(super) async fn run(
    place: &Place,
    readings: Option<PathBuf>,
    json: bool,
) -> Result<(), AnyError> {
    let began = Instant::now();
    let shipped = || Path::new(env!("CARGO_MANIFEST_DIR")).join("ingest/readings");
    let samples = read_samples(&readings.unwrap_or_else(shipped))?;
    let register = Arc::new(Unreliable::new(KnownStations, Journey::outages()));
    let backoff = Backoff { base: Duration::from_millis(100), max: Duration::from_secs(1) };
    let options = Options { keep: Options::KEEP, backoff, register: register.clone() };
    let opened = Opened::new(place, options).await?;
    opened.check_files().await?;
    if !place.is_named() {
        // Before anything happens, so that it is known after a crash, too.
        eprintln!("note: the data is in {}; --data-dir DIR has it elsewhere", opened.place);
    }
    let ingest = &opened.ingest;
    let mut workers = Roles::of(Vec::new()).start_workers(ingest);
    let app = App { ingest: ingest.clone(), metrics: Metrics::none() };
    let journey = Journey::new(ingest.clone(), api::router(app, Vec::new()), register);
    let journeyed = tokio::select! {
        done = journey.take_in(samples) => done?,
        failed = workers.failed() => return failed.map_err(Into::into),
    };
    workers.shutdown().await?;
    drop(journey);
    let totals = Totals::of(journeyed, began.elapsed(), &opened.place);
    print(json, &totals, || totals.to_text())?;
    if totals.journeyed.dead_letters > 0 {
        eprintln!("note: `dead-letters {}` shows what was not valid", opened.arguments);
    }
    opened.close().await
}
