//! What a message says instead of its body: the form of the Amazon SQS Extended Client Library.

use es_core::{CLAIM_CHECK_ATTRIBUTES, NewMessage, ReceivedMessage};
use serde::{Deserialize, Serialize};

/// The first element of the JSON array that a pointer is: a class of that library.
const KIND: &str = "software.amazon.payloadoffloading.PayloadS3Pointer";
/// What earlier versions of the library write.
const EARLIER_KIND: &str = "com.amazon.sqs.javamessaging.MessageS3Pointer";

/// Where a body is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pointer {
    #[serde(rename = "s3BucketName")]
    pub(crate) bucket: String,
    #[serde(rename = "s3Key")]
    pub(crate) key: String,
}

impl Pointer {
    /// The message with the pointer in the place of its body.
    pub(crate) fn replace_body(
        &self,
        message: NewMessage,
    ) -> Result<NewMessage, serde_json::Error> {
        let [attribute, _] = CLAIM_CHECK_ATTRIBUTES;
        let bytes = message.body.len().to_string();
        let body = self.to_json()?;
        Ok(NewMessage { body, ..message }.attribute(attribute, bytes))
    }

    /// The [size](NewMessage::size) of the message with the pointer in the place of its body.
    pub(crate) fn size_in_place_of_body(&self, message: &NewMessage) -> usize {
        let [attribute, _] = CLAIM_CHECK_ATTRIBUTES;
        let bytes = message.body.len().to_string();
        let beside = NewMessage::new("").attribute(attribute, bytes).size();
        let attributes = message.size() - message.body.len();
        attributes + beside + self.to_json().map_or(0, |json| json.len())
    }

    fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&(KIND, self))
    }

    /// The pointer in the message, if there is one.
    pub(crate) fn of(message: &ReceivedMessage) -> Option<Self> {
        if !CLAIM_CHECK_ATTRIBUTES.iter().any(|name| message.attributes.contains_key(*name)) {
            return None;
        }
        let (kind, pointer): (String, Self) = serde_json::from_str(&message.body).ok()?;
        (kind == KIND || kind == EARLIER_KIND).then_some(pointer)
    }
}

/// Gives the message its body, and takes away what stood beside the pointer.
pub(crate) fn restore(message: &mut ReceivedMessage, body: String) {
    for attribute in CLAIM_CHECK_ATTRIBUTES {
        message.attributes.remove(attribute);
    }
    message.body = body;
}
