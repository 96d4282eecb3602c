use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a message became a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// It cannot be read: it is not what it says that it is.
    Undecodable,
    /// The handler said that trying again does not help, or panicked.
    Permanent,
    /// It failed as often as it may.
    AttemptsUsedUp,
    /// It has the id of another message, with another content, that had its effect.
    IdReused,
    /// It was received again and again, and no attempt came to an end: it may be what kills its
    /// receivers.
    Abandoned,
    /// A reason that this program does not know; in it, what is written.
    Other(String),
}

impl DeadLetterReason {
    /// The reason as it is written into dead letters and metrics, as `attempts_used_up`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Permanent => "permanent",
            Self::AttemptsUsedUp => "attempts_used_up",
            Self::IdReused => "id_reused",
            Self::Abandoned => "abandoned",
            Self::Other(written) => written,
        }
    }
}

impl From<String> for DeadLetterReason {
    fn from(written: String) -> Self {
        let known = [
            Self::Undecodable,
            Self::Permanent,
            Self::AttemptsUsedUp,
            Self::IdReused,
            Self::Abandoned,
        ];
        let same = known.into_iter().find(|reason| reason.as_str() == written);
        same.unwrap_or(Self::Other(written))
    }
}

impl From<DeadLetterReason> for String {
    fn from(reason: DeadLetterReason) -> Self {
        reason.as_str().to_owned()
    }
}

impl FromStr for DeadLetterReason {
    type Err = Infallible;

    /// For command lines: what is not known is [`Other`](Self::Other).
    fn from_str(written: &str) -> Result<Self, Infallible> {
        Ok(written.to_owned().into())
    }
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
