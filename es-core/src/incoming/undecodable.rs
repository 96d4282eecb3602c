use std::fmt;

use crate::cloud_events::InvalidCloudEvent;

/// Why nothing can be made of a message. It never says what is in it, and trying again does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Undecodable {
    /// It says that it is a CloudEvent, and is none.
    #[error(transparent)]
    CloudEvent(#[from] InvalidCloudEvent),
    /// By its marks it is wrapped so, and it has not the form of that.
    #[error("it is not {wrapping} as it says: {reason}")]
    Malformed {
        /// What it says that it is.
        wrapping: Wrapping,
        /// What does not fit.
        reason: String,
    },
    /// It is a claim check, as a message carries instead of a large body, and its body was not fetched.
    #[error("it is a claim check whose body was not fetched")]
    ClaimCheck,
    /// There are more wrappings around each other than anybody needs.
    #[error("it is wrapped more than {limit} times")]
    TooDeep {
        /// The most that are taken off.
        limit: usize,
    },
    /// There are more events or records in it than anybody sends.
    #[error("it has more than {limit} events or records")]
    TooMany {
        /// The most that are taken.
        limit: usize,
    },
}

/// What a message can be wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wrapping {
    /// SNS without raw delivery.
    Sns,
    /// A rule of EventBridge.
    EventBridge,
    /// A notification of S3.
    S3,
}

impl fmt::Display for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sns => "a notification of SNS",
            Self::EventBridge => "an event of EventBridge",
            Self::S3 => "a notification of S3",
        })
    }
}

/// Reads what claims to be wrapped so.
pub(super) fn read<'a, T: serde::Deserialize<'a>>(
    text: &'a str,
    wrapping: Wrapping,
) -> Result<T, Undecodable> {
    serde_json::from_str(text).map_err(|error| Undecodable::Malformed {
        wrapping,
        reason: crate::codec::json_error(&error),
    })
}
