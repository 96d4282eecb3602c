//! The read model: one document per event, with what became of it, until it expires.

use std::time::Duration;

use es_core::{BoxError, Projector, Recorded, Timestamp};
use serde::{Deserialize, Serialize};

use super::domain::{IntakeEvent, Origin, Status};
use super::reading::{Measurement, Reading};

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The event's id.
    pub id: String,
    /// Where it is on its way.
    pub status: Status,
    /// By which way it came. Not known any more of what comes back after its record expired.
    pub origin: Option<Origin>,
    /// What it says; nothing for a document that is not valid.
    pub reading: Option<Reading>,
    /// The [digest](Reading::digest) of that, which whoever submitted something was told of his.
    pub digest: Option<String>,
    /// What it came to.
    pub measurement: Option<Measurement>,
    /// How many attempts failed.
    pub failed_attempts: u32,
    /// Why the last one failed, or the document is not valid.
    pub reason: Option<String>,
    /// When it was first heard of.
    pub received_at: Timestamp,
    /// When it was processed.
    pub processed_at: Option<Timestamp>,
    /// When the confirmation arrived.
    pub confirmed_at: Option<Timestamp>,
    /// Until when this document is there, in seconds of Unix time; nothing while the event is on its way.
    pub expires_at: Option<i64>,
}

/// Builds [`Record`]s.
///
/// They expire; the log keeps what happened, so that an event which comes again much later is still known.
#[derive(Debug, Clone)]
pub struct Records {
    /// How long a record is kept after the event was processed.
    pub keep: Duration,
}

impl Records {
    /// How long the record of an event that failed is kept: as long as its message is in the dead letters.
    pub const KEEP_FAILED: Duration = Duration::from_secs(14 * 24 * 60 * 60);
}

impl Projector for Records {
    const NAME: &'static str = "intake_records";
    const VERSION: u32 = 2;
    const CATEGORIES: &'static [&'static str] = &["intake"];
    const INDEXED_FIELDS: &'static [&'static str] = &["status"];
    const EXPIRES_BY: Option<&'static str> = Some("expires_at");
    type Event = IntakeEvent;
    type View = Record;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<Record>,
        event: &Recorded<'_, IntakeEvent>,
    ) -> Result<(), BoxError> {
        let now = event.recorded_at();
        let record = view.get_or_insert_with(|| Record::new(event.aggregate_id(), now));
        record.take(&event.event, now);
        let keep = match record.status {
            Status::Retrying => None,
            Status::Processed | Status::Confirmed => Some(self.keep),
            Status::Failed => Some(Self::KEEP_FAILED),
        };
        record.expires_at = keep.map(|keep| expiry(now, keep));
        Ok(())
    }
}

/// At the end of time for what is kept longer than there is time.
fn expiry(from: Timestamp, keep: Duration) -> i64 {
    let seconds = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
    from.as_second().saturating_add(seconds)
}

impl Record {
    fn new(id: &str, received_at: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            status: Status::Retrying,
            origin: None,
            reading: None,
            digest: None,
            measurement: None,
            failed_attempts: 0,
            reason: None,
            received_at,
            processed_at: None,
            confirmed_at: None,
            expires_at: None,
        }
    }

    fn take(&mut self, event: &IntakeEvent, at: Timestamp) {
        match event {
            IntakeEvent::Accepted { origin, reading } => {
                self.origin = Some(origin.clone());
                self.reading = Some(reading.clone());
                self.digest = Some(reading.digest());
                (self.status, self.reason) = (Status::Retrying, None);
            }
            IntakeEvent::AttemptFailed { reason } => {
                self.failed_attempts = self.failed_attempts.saturating_add(1);
                (self.status, self.reason) = (Status::Retrying, Some(reason.clone()));
            }
            IntakeEvent::GivenUp { reason } => {
                self.failed_attempts = self.failed_attempts.saturating_add(1);
                (self.status, self.reason) = (Status::Failed, Some(reason.clone()));
            }
            IntakeEvent::Rejected { origin, reason } => {
                self.origin = Some(origin.clone());
                (self.status, self.reason) = (Status::Failed, Some(reason.clone()));
            }
            IntakeEvent::Processed { measurement } => {
                self.measurement = Some(*measurement);
                self.processed_at = Some(at);
                (self.status, self.reason) = (Status::Processed, None);
            }
            IntakeEvent::Confirmed => {
                self.confirmed_at = Some(at);
                self.status = Status::Confirmed;
            }
        }
    }
}

#[cfg(test)]
mod tests;
