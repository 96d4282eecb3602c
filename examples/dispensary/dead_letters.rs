//! Dead letters, to be looked at.

use es_core::{
    AnyConsumer, Commit, DeadLetter, DeadLetterQuery, DeadLetterState, EncodedEvent, Error,
    Payload, StreamId, Timestamp,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// One dead letter in a list.
#[derive(Debug, Serialize)]
pub struct LetterSummary {
    /// The projection or policy that could not handle it.
    pub consumer: String,
    /// The stream that waits.
    pub stream: StreamId,
    /// The commit.
    pub commit: String,
    /// The version of its first event.
    pub first_version: u64,
    /// The version of its last event.
    pub last_version: u64,
    /// The stored names of its events.
    pub events: Vec<String>,
    /// When it was recorded in the log.
    pub recorded_at: Timestamp,
    /// When it was parked.
    pub parked_at: Timestamp,
    /// How it failed; absent when it only waits behind another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why it was given up, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
}

/// How a dead letter failed.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// The version of the event that failed, or of the first when the commit failed as a whole.
    pub version: u64,
    /// The last error.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last.
    pub last_attempt_at: Timestamp,
}

/// Why a dead letter was given up.
#[derive(Debug, Serialize)]
pub struct Dropped {
    /// What the operator said.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// One dead letter in full.
#[derive(Debug, Serialize)]
pub struct LetterDetail {
    /// What lists say.
    #[serde(flatten)]
    pub summary: LetterSummary,
    /// Who and what caused the commit, as stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
    /// Its events, as stored.
    pub stored_events: Vec<StoredEvent>,
}

/// One event, as its bytes say. It is not decoded: that may be what fails.
#[derive(Debug, Serialize)]
pub struct StoredEvent {
    /// Its position in the stream.
    pub version: u64,
    /// Its stored name.
    #[serde(rename = "type")]
    pub name: String,
    /// The version of its form.
    pub schema_version: u32,
    /// Its content: the stored JSON, or as text what is no JSON.
    pub data: Box<RawValue>,
}

/// The dead letters of `consumer` that match.
///
/// # Errors
///
/// Those of the store.
pub async fn list(
    consumer: &dyn AnyConsumer,
    query: &DeadLetterQuery,
) -> Result<Vec<LetterSummary>, Error> {
    let letters = consumer.dead_letters(query).await?;
    Ok(letters.iter().map(|letter| LetterSummary::of(consumer, letter)).collect())
}

/// All of `consumer`'s dead letters of one stream, dropped ones too, in the order of the stream.
///
/// # Errors
///
/// Those of the store, and of letters whose bytes are damaged.
pub async fn of_stream(
    consumer: &dyn AnyConsumer,
    stream: &StreamId,
) -> Result<Vec<LetterDetail>, Error> {
    let mut letters = Vec::new();
    for state in [DeadLetterState::Dropped, DeadLetterState::Parked] {
        let query =
            DeadLetterQuery::default().stream(stream.clone()).state(state).limit(usize::MAX);
        letters.extend(consumer.dead_letters(&query).await?);
    }
    letters.sort_by_key(|letter| letter.commit.first_version());
    letters.iter().map(|letter| LetterDetail::of(consumer, letter)).collect()
}

impl LetterSummary {
    /// The short form of a letter.
    pub fn of(consumer: &dyn AnyConsumer, letter: &DeadLetter) -> Self {
        let DeadLetter { commit, parked_at, failure, dropped } = letter;
        Self {
            consumer: consumer.id().to_string(),
            stream: commit.stream().clone(),
            commit: commit.id().to_string(),
            first_version: commit.first_version().get(),
            last_version: commit.last_version().get(),
            events: commit.events().names().map(|(name, _)| name.to_owned()).collect(),
            recorded_at: commit.recorded_at(),
            parked_at: *parked_at,
            failure: failure.as_ref().map(|failure| Failure {
                version: failure.version.get(),
                error: failure.error.clone(),
                attempts: failure.attempts,
                last_attempt_at: failure.last_attempt_at,
            }),
            dropped: dropped
                .as_ref()
                .map(|dropped| Dropped { reason: dropped.reason.clone(), at: dropped.at }),
        }
    }

    /// The versions that it has: `3`, or `3–5`.
    pub fn versions(&self) -> String {
        if self.first_version == self.last_version {
            return self.first_version.to_string();
        }
        format!("{}–{}", self.first_version, self.last_version)
    }
}

impl LetterDetail {
    fn of(consumer: &dyn AnyConsumer, letter: &DeadLetter) -> Result<Self, Error> {
        let commit = &letter.commit;
        let metadata = commit.encoded_metadata().as_str();
        Ok(Self {
            summary: LetterSummary::of(consumer, letter),
            metadata: (!metadata.is_empty()).then(|| as_stored(metadata)).transpose()?,
            stored_events: stored_events(commit)?,
        })
    }
}

fn stored_events(commit: &Commit) -> Result<Vec<StoredEvent>, Error> {
    let opened = commit.events().open().map_err(|damage| Error::CorruptCommit {
        stream: commit.stream().clone(),
        version: commit.first_version(),
        reason: damage.to_string(),
    })?;
    let versions = commit.first_version().get()..;
    versions.zip(opened.iter()).map(|(version, event)| StoredEvent::of(version, event)).collect()
}

impl StoredEvent {
    fn of(version: u64, event: EncodedEvent<'_>) -> Result<Self, Error> {
        let data = match event.payload {
            Payload::Json(text) => as_stored(text)?,
            binary => as_stored(&hex::encode(binary.as_bytes()))?,
        };
        let EncodedEvent { name, schema_version, .. } = event;
        Ok(Self { version, name: name.to_owned(), schema_version, data })
    }
}

/// JSON byte for byte, so that numbers and the order of fields are those of the log; anything else as
/// a JSON text.
fn as_stored(text: &str) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(text.to_owned())
        .or_else(|_| serde_json::value::to_raw_value(text))
        .map_err(|error| Error::Encode {
            what: "a stored text as JSON".to_owned(),
            source: error.into(),
        })
}
