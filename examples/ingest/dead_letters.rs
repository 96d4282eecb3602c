//! Dead letters, to be looked at.

use std::collections::BTreeMap;

use es_core::{DeadMessage, Timestamp};
use serde::Serialize;

/// One dead letter in a list.
#[derive(Debug, Serialize)]
pub struct LetterSummary {
    /// Its id.
    pub id: String,
    /// The queue that it comes from.
    pub queue: Option<String>,
    /// What it is about: a file, or who published it.
    pub about: Option<String>,
    /// How it failed; nothing is known of what a queue gave up by itself.
    pub failure: Option<Failure>,
}

/// How a message failed.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// Why it is here, as `permanent`.
    pub reason: String,
    /// The last error.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was received for the first time.
    pub first_received_at: Timestamp,
    /// When it was given up.
    pub at: Timestamp,
}

/// One dead letter in full.
#[derive(Debug, Serialize)]
pub struct LetterDetail {
    /// What lists say.
    #[serde(flatten)]
    pub summary: LetterSummary,
    /// When it was sent, or sent back before.
    pub sent_at: Timestamp,
    /// What stood beside it.
    pub attributes: BTreeMap<String, String>,
    /// The message, as it was sent.
    pub body: String,
}

impl LetterSummary {
    /// The short form of a letter.
    pub fn of(letter: &DeadMessage) -> Self {
        let failure = letter.failure.as_ref().map(|failure| Failure {
            reason: failure.reason.to_string(),
            error: failure.error.clone(),
            attempts: failure.attempts,
            first_received_at: failure.first_received_at,
            at: failure.at,
        });
        Self {
            id: letter.id.to_string(),
            queue: letter.origin.as_ref().map(ToString::to_string),
            about: about(letter),
            failure,
        }
    }
}

impl LetterDetail {
    /// Everything about a letter.
    pub fn of(letter: &DeadMessage) -> Self {
        Self {
            summary: LetterSummary::of(letter),
            sent_at: letter.sent_at,
            attributes: letter.attributes.clone(),
            body: letter.body.clone(),
        }
    }
}

/// The subject of an event, or the key of an object. What is a dead letter may be anything else.
fn about(letter: &DeadMessage) -> Option<String> {
    let incoming = letter.incoming().ok()?;
    let [message] = incoming.as_slice() else { return None };
    if let Some(object) = message.as_s3_object() {
        return Some(object.key.clone());
    }
    message.as_cloud_event()?.subject().map(str::to_owned)
}
