//! The events of one user: their keys in the log, their types, and when they were recorded. What they say is left
//! out, so a history can be shown to whoever may not know the user.

use es_core::{Error, ReadStream, Repository, Timestamp, Version};
use futures::StreamExt as _;
use serde::Serialize;

use super::domain::{EventType, User, UserEvent};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    /// The user, and the first half of the log's key.
    #[serde(rename = "AggregateID")]
    pub aggregate_id: String,
    /// The second half: 1 for a user's first event, and no number is left out.
    pub sequence: u64,
    /// What happened.
    #[serde(rename = "Type", serialize_with = "as_text")]
    pub event_type: EventType,
    /// When it was recorded.
    pub time: Timestamp,
}

/// At most `limit` events behind the sequence number `after`, oldest first.
///
/// # Errors
///
/// Those of the store, and of events that cannot be read.
pub async fn of(
    users: &Repository<User>,
    user_id: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, Error> {
    let stream = User::stream(user_id)?;
    let first = Version::new(after.saturating_add(1));
    let mut pages = users.store().read(ReadStream::new(stream).from(first).page_size(limit));
    let mut entries = Vec::new();
    while entries.len() < limit
        && let Some(page) = pages.next().await
    {
        for commit in page? {
            for recorded in commit.decode::<UserEvent>()? {
                entries.push(Entry {
                    aggregate_id: user_id.to_owned(),
                    sequence: recorded.version().get(),
                    event_type: EventType::of(&recorded.event),
                    time: recorded.recorded_at(),
                });
            }
        }
    }
    // The first commit may have begun before, and the last one goes on.
    entries.retain(|entry| entry.sequence > after);
    entries.truncate(limit);
    Ok(entries)
}

fn as_text<S: serde::Serializer>(event_type: &EventType, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(event_type.as_str())
}
