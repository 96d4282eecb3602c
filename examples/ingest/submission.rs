//! What goes over the topic: a document, or word of a file that has one.

use es_core::cloud_events::{CloudEvent, Source};
use es_core::{Error, Incoming, PayloadError};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::documents::File;
use super::domain::Origin;
use super::reading::EventId;

/// The type of a message with a document.
const SUBMITTED: &str = "Reading:Submitted";

/// The type of a message about a file. In AWS the bucket sends notifications of its own instead.
const FILE_PUT: &str = "File:Put";

/// What a message asks to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submission {
    /// A document, which is in the message.
    Document {
        /// Who published it.
        source: String,
        /// The document.
        content: String,
    },
    /// A document, which is in a file.
    File(File),
}

/// A message that asks for nothing that could be taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoSubmission {
    /// It is not an event at all.
    #[error("the message is no CloudEvent")]
    NoEvent,
    /// It is an event of another kind.
    #[error("messages of this type are not taken here")]
    UnknownType,
    /// It has no document.
    #[error("the message has no document")]
    NoDocument(#[from] PayloadError),
    /// It names no file.
    #[error("the message names no file")]
    NoFile,
}

impl Submission {
    /// The message with a document. Sent again it is the same message, and one with another content is
    /// another: what becomes of two that say they are one event is decided where events are known.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`], [`Error::Encode`].
    pub fn of_document(
        id: &EventId,
        document: &RawValue,
        from: Source,
    ) -> Result<CloudEvent, Error> {
        let name = digest(id.as_str(), document.get().as_bytes());
        let event = CloudEvent::new(&name, from, SUBMITTED)?;
        event.with_subject(&format!("intake:{id}"))?.with_data(document)
    }

    /// The message about a file. Name and content make its id: a file that is published again, as after a
    /// crash, is the same event, and one with another content is another.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`].
    pub fn of_file(name: &str, content: &[u8]) -> Result<CloudEvent, Error> {
        let (id, source) = (digest(name, content), Source::new("/ingest/directory")?);
        CloudEvent::new(&id, source, FILE_PUT)?.with_subject(name)
    }

    /// What the message asks for; `None` for what it only tells, as of an object that was removed.
    ///
    /// # Errors
    ///
    /// [`NoSubmission`]. It does not get better by trying again.
    pub fn of(message: &Incoming) -> Result<Option<Self>, NoSubmission> {
        if let Some(object) = message.as_s3_object() {
            let is_new = message.kind().is_some_and(tells_of_a_new_object);
            let (bucket, key) = (object.bucket.clone(), object.key.clone());
            return Ok(is_new.then_some(Self::File(File::InBucket { bucket, key })));
        }
        let event = message.as_cloud_event().ok_or(NoSubmission::NoEvent)?;
        match event.event_type() {
            SUBMITTED => {
                let content = event.data_as::<Box<RawValue>>()?.get().to_owned();
                Ok(Some(Self::Document { source: event.source().to_owned(), content }))
            }
            FILE_PUT => {
                let name = event.subject().ok_or(NoSubmission::NoFile)?.to_owned();
                Ok(Some(Self::File(File::InDirectory { name })))
            }
            _ => Err(NoSubmission::UnknownType),
        }
    }

    /// By which way it came.
    pub fn origin(&self) -> Origin {
        match self {
            Self::Document { source, .. } => Origin::Message { source: source.clone() },
            Self::File(file) => Origin::File { name: file.name().to_owned() },
        }
    }
}

/// Names something with a content.
fn digest(name: &str, content: &[u8]) -> String {
    let mut digest = Sha256::new();
    digest.update(name);
    // Neither ids nor file names have one.
    digest.update([0]);
    digest.update(content);
    hex::encode(digest.finalize())
}

/// S3 says `ObjectCreated:Put`, and by way of EventBridge `Object Created`.
fn tells_of_a_new_object(kind: &str) -> bool {
    kind.starts_with("ObjectCreated:") || kind == "Object Created"
}

#[cfg(test)]
mod tests;
