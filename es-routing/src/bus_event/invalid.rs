//! What is wrong with an event.

use crate::excerpt::{REASON, excerpt};

/// An event that no bus takes, or something that is no event of one. It never says what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBusEvent {
    /// JSON cannot have its detail: what the serializer says, cut after 256 bytes.
    #[error("its detail cannot be encoded: {0}")]
    Encode(String),
    /// Its detail is something else.
    #[error("its detail is not a JSON object")]
    DetailNotAnObject,
    /// A text is empty or too long.
    #[error("its {what} is empty, or longer than {limit}")]
    Length {
        /// The source or the detail-type.
        what: &'static str,
        /// The longest.
        limit: usize,
    },
    /// The source says that it is from AWS.
    #[error("only AWS has sources that begin with \"aws.\"")]
    ReservedSource,
    /// It has more bytes than the bus takes.
    #[error("it has {actual} bytes, over the limit of {limit}")]
    TooLarge {
        /// Its [size](crate::NewBusEvent::size).
        actual: usize,
        /// The most that the bus takes.
        limit: usize,
    },
    /// What is in its detail as a CloudEvent is none.
    #[error("what is in its detail as a CloudEvent is none: {0}")]
    CloudEvent(es_core::cloud_events::InvalidCloudEvent),
    /// It is not the JSON of an event.
    #[error("it is not an event of a bus, at line {line} column {column}")]
    Format {
        /// Where, counted from 1.
        line: usize,
        /// Where, counted from 1.
        column: usize,
    },
}

impl InvalidBusEvent {
    pub(super) fn encode(reason: &str) -> Self {
        Self::Encode(excerpt(reason, REASON).to_owned())
    }
}
