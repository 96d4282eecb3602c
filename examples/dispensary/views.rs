//! The read models: a short document per dispense for lists, a full one for the detail.

use es_core::{BoxError, Projector, Recorded, Timestamp};
use serde::{Deserialize, Serialize};

use super::domain::{Dispense, DispenseEvent, Drug, Patient, PrescriptionFile, Status};
use super::prescription::Findings;

/// A dispense in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DispenseSummary {
    /// Its id.
    pub id: String,
    /// Where it is in its life.
    pub status: Status,
    /// The patient's name.
    pub patient: Option<String>,
    /// The names of the drugs.
    pub drugs: Vec<String>,
    /// Lines of the prescription that could not be read.
    pub unreadable_lines: u64,
    /// How many events it has: its version.
    pub events: u64,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A dispense in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DispenseDetail {
    /// Its id.
    pub id: String,
    /// Its version, which is also its `ETag`.
    pub version: u64,
    /// Where it is in its life.
    pub status: Status,
    /// The newest prescription.
    pub prescription: Option<PrescriptionFile>,
    /// What the newest prescription says.
    pub findings: Option<Findings>,
    /// For whom it is.
    pub patient: Option<Patient>,
    /// What is handed out.
    pub drugs: Vec<Drug>,
    /// Why it was cancelled.
    pub cancelled_because: Option<String>,
}

impl DispenseDetail {
    /// The detail of a state; `None` before anything has happened.
    pub fn of(id: &str, version: u64, dispense: Dispense) -> Option<Self> {
        Some(Self {
            id: id.to_owned(),
            version,
            status: dispense.status?,
            prescription: dispense.prescription,
            findings: dispense.findings,
            patient: dispense.patient,
            drugs: dispense.drugs,
            cancelled_because: dispense.cancelled_because,
        })
    }
}

/// Builds [`DispenseSummary`]s.
#[derive(Debug)]
pub struct DispenseList;

impl Projector for DispenseList {
    const NAME: &'static str = "dispense_list";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["dispense"];
    const INDEXED_FIELDS: &'static [&'static str] = &["status"];
    type Event = DispenseEvent;
    type View = DispenseSummary;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<DispenseSummary>,
        event: &Recorded<'_, DispenseEvent>,
    ) -> Result<(), BoxError> {
        let summary = view.get_or_insert_with(|| DispenseSummary {
            id: event.aggregate_id().to_owned(),
            status: Status::Pending,
            patient: None,
            drugs: Vec::new(),
            unreadable_lines: 0,
            events: 0,
            started_at: event.recorded_at(),
            updated_at: event.recorded_at(),
        });
        summary.events = event.version().get();
        summary.updated_at = event.recorded_at();
        match &event.event {
            DispenseEvent::Started => summary.status = Status::Pending,
            DispenseEvent::PrescriptionUploaded(_) => summary.status = Status::Analyzing,
            DispenseEvent::PrescriptionAnalyzed { findings, .. } => {
                summary.status = Status::Ready;
                summary.unreadable_lines = findings.unreadable.len() as u64;
            }
            DispenseEvent::PatientAdded(patient) => summary.patient = Some(patient.name.clone()),
            DispenseEvent::DrugsAdded { drugs } => {
                summary.drugs.extend(drugs.iter().map(|drug| drug.name.clone()));
            }
            DispenseEvent::Completed => summary.status = Status::Complete,
            DispenseEvent::Cancelled { .. } => summary.status = Status::Cancelled,
        }
        Ok(())
    }
}

/// Builds [`DispenseDetail`]s.
#[derive(Debug)]
pub struct DispenseDetails;

impl Projector for DispenseDetails {
    const NAME: &'static str = "dispense_detail";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["dispense"];
    type Event = DispenseEvent;
    type View = DispenseDetail;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<DispenseDetail>,
        event: &Recorded<'_, DispenseEvent>,
    ) -> Result<(), BoxError> {
        use es_core::Aggregate as _;
        // The detail shows what the aggregate knows, so it takes events in the same way.
        let mut dispense = view.take().map(Dispense::from).unwrap_or_default();
        dispense.apply(event.event.clone());
        *view = DispenseDetail::of(event.aggregate_id(), event.version().get(), dispense);
        Ok(())
    }
}

impl From<DispenseDetail> for Dispense {
    fn from(detail: DispenseDetail) -> Self {
        Self {
            status: Some(detail.status),
            prescription: detail.prescription,
            findings: detail.findings,
            patient: detail.patient,
            drugs: detail.drugs,
            cancelled_because: detail.cancelled_because,
        }
    }
}

#[cfg(test)]
mod tests;
