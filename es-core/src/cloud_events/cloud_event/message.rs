//! One event as a message.

use sha2::{Digest, Sha256};

use super::CloudEvent;
use crate::error::Result;
use crate::message_queue::{NewMessage, is_fifo_id};

impl CloudEvent {
    /// The message for a queue or a topic that is not FIFO: the event as JSON, with the attributes
    /// `type`, `source` and, where the subject is a stream, `category`, for
    /// [filter policies](crate::FilterPolicy).
    ///
    /// U+FFFE and U+FFFF, which JSON has and messages cannot have, are written as escapes: they read the
    /// same.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`](crate::Error::Encode).
    pub fn message(&self) -> Result<NewMessage> {
        let message = NewMessage::new(without_noncharacters(self.to_json()?))
            .attribute("type", self.event_type())
            .attribute("source", self.source());
        Ok(match self.category() {
            Some(category) => message.attribute("category", category),
            None => message,
        })
    }

    /// The message for a FIFO queue or topic: events of one subject keep their order, and one that is
    /// sent twice within [`NewMessage::DEDUPLICATION`] is there once.
    ///
    /// The group is the subject, and the deduplication id is the id of the event; what has other
    /// characters than such ids may have, or more, is replaced by its SHA-256. An event without a
    /// subject is a group of its own. The deduplication id does not have the source: publishers that
    /// share a FIFO destination must not share ids, and those of commits never do.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`](crate::Error::Encode).
    pub fn fifo_message(&self) -> Result<NewMessage> {
        let group = self.subject().unwrap_or(self.id());
        Ok(self.message()?.group(fifo_id(group)).deduplication_id(fifo_id(self.id())))
    }
}

/// In JSON text these can stand in strings only, where an escape is the same.
fn without_noncharacters(json: String) -> String {
    match json.contains(['\u{FFFE}', '\u{FFFF}']) {
        true => json.replace('\u{FFFE}', "\\ufffe").replace('\u{FFFF}', "\\uffff"),
        false => json,
    }
}

fn fifo_id(text: &str) -> String {
    match is_fifo_id(text) {
        true => text.to_owned(),
        false => hex::encode(Sha256::digest(text)),
    }
}
