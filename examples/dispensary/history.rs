//! The events of one dispense, to be looked at.

use es_core::{Codec, Error, Event as _, ReadStream, Repository, StreamId, Timestamp};
use futures::StreamExt as _;
use serde::Serialize;
use serde_json::value::RawValue;

use super::domain::{Dispense, DispenseEvent};

/// One event, as people and clients see it.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Its position.
    pub version: u64,
    /// Its name.
    #[serde(rename = "type")]
    pub name: &'static str,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The commit that it belongs to.
    pub commit: String,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The business transaction that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// What caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// Its content, in its newest form.
    pub data: Box<RawValue>,
}

/// The whole history; empty when there is no such dispense.
///
/// # Errors
///
/// Those of the store, and of events that cannot be read.
pub async fn of(dispenses: &Repository<Dispense>, id: &str) -> Result<Vec<Entry>, Error> {
    let stream = StreamId::new("dispense", id)?;
    let mut entries = Vec::new();
    let mut pages = dispenses.store().read(ReadStream::new(stream));
    while let Some(page) = pages.next().await {
        for commit in page? {
            let metadata = commit.metadata()?;
            for recorded in commit.decode::<DispenseEvent>()? {
                entries.push(Entry {
                    version: recorded.version().get(),
                    name: recorded.event.name(),
                    recorded_at: recorded.recorded_at(),
                    commit: commit.id().to_string(),
                    actor: metadata.actor.clone(),
                    correlation_id: metadata.correlation_id.clone(),
                    causation_id: metadata.causation_id.clone(),
                    data: json(&recorded.event)?,
                });
            }
        }
    }
    Ok(entries)
}

fn json(event: &DispenseEvent) -> Result<Box<RawValue>, Error> {
    let cannot = |source: es_core::BoxError| Error::Encode {
        what: format!("event {}", event.name()),
        source,
    };
    let mut payload = Vec::new();
    event.encode(Codec::Json, &mut payload).map_err(|error| cannot(error.into()))?;
    serde_json::from_slice(&payload).map_err(|error| cannot(error.into()))
}
