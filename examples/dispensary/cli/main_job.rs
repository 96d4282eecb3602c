//! Prescriptions in, dispenses out.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::command_line::{AnyError, print};
use crate::dispensary::api;
use crate::dispensary::journey::{Journey, ParkedDispense, read_prescriptions};
use crate::dispensary::report::{Totals, dispenses_table};

use super::dispenses::summaries;
use super::opened::Opened;
use super::place::Place;

pub(super) async fn run(
    place: Place,
    prescriptions: Option<PathBuf>,
    json: bool,
) -> Result<(), AnyError> {
    let began = Instant::now();
    let shipped = || Path::new(env!("CARGO_MANIFEST_DIR")).join("dispensary/prescriptions");
    let prescriptions = read_prescriptions(&prescriptions.unwrap_or_else(shipped))?;
    let is_named = place.data_dir.is_some();
    let opened = Opened::new(place).await?;
    if !is_named {
        // Before anything happens, so that it is known after a crash, too.
        eprintln!("note: the data is in {}; --data-dir DIR has it elsewhere", opened.place);
    }
    if let Some(view) = opened.dispensary.paused_view().await? {
        let arguments = &opened.arguments;
        return Err(format!("{view} is paused: `resume {view} {arguments}` lets it go on").into());
    }
    let mut workers = opened.dispensary.start_workers();
    let journey = Journey::new(api::router(opened.dispensary.clone()));
    let parked = tokio::select! {
        done = journey.dispense_all(prescriptions) => done?,
        failed = workers.failed() => return failed.map_err(Into::into),
    };
    workers.shutdown().await?;
    let dispenses = summaries(&opened.dispensary, None).await?;
    let totals = Totals::of(&dispenses, &parked, began.elapsed(), &opened.place);
    print(json, &totals, || format!("{}\n{}", dispenses_table(&dispenses), totals.to_text()))?;
    let arguments = opened.arguments.clone();
    opened.close().await?;
    need_nobody(&parked, &arguments)
}

/// An error when dispenses wait for an operator.
fn need_nobody(parked: &[ParkedDispense], place: &str) -> Result<(), AnyError> {
    let Some(first) = parked.first() else { return Ok(()) };
    let others = match parked.len() {
        1 => String::new(),
        n => format!(", and {} more", n - 1),
    };
    Err(format!("{first}{others}; see `dead-letters {place}`").into())
}
