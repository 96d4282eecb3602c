use std::fmt;

use crate::codec::{Codec, PayloadError};
use crate::encoded_events::EncodedEvent;
use crate::event::{DecodeError, Event, EventSchema, UnknownEvents};
use crate::event_union::{Part, assert_distinct};

use super::ProcessRecord;

/// One entry in the stream of a process.
#[derive(Clone, PartialEq)]
pub enum ProcessEntry<E> {
    /// What the framework wrote down.
    Record(ProcessRecord),
    /// A fact of the process manager.
    Fact(E),
}

impl<E: Event> fmt::Debug for ProcessEntry<E> {
    /// Without contents: they may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(record) => record.fmt(f),
            Self::Fact(fact) => write!(f, "Fact({})", fact.name()),
        }
    }
}

impl<E: Event> ProcessEntry<E> {
    /// Compiled only when no fact of the process manager has the name of a record.
    const DISTINCT: () = assert_distinct(&[
        Part {
            schemas: ProcessRecord::SCHEMAS,
            aliases: ProcessRecord::ALIASES,
            personal: ProcessRecord::PERSONAL,
        },
        Part { schemas: E::SCHEMAS, aliases: E::ALIASES, personal: E::PERSONAL },
    ]);
}

impl<E: Event> Event for ProcessEntry<E> {
    const UNKNOWN: UnknownEvents = E::UNKNOWN;

    /// Those of the facts: the records are known anyway.
    const SCHEMAS: &'static [EventSchema] = {
        let () = Self::DISTINCT;
        E::SCHEMAS
    };

    const ALIASES: &'static [&'static str] = E::ALIASES;

    fn name(&self) -> &'static str {
        match self {
            Self::Record(record) => record.name(),
            Self::Fact(fact) => fact.name(),
        }
    }

    fn schema_version(&self) -> u32 {
        match self {
            Self::Record(record) => record.schema_version(),
            Self::Fact(fact) => fact.schema_version(),
        }
    }

    fn encode(&self, codec: Codec, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        match self {
            Self::Record(record) => record.encode(codec, out),
            Self::Fact(fact) => fact.encode(codec, out),
        }
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Self, DecodeError> {
        let () = Self::DISTINCT;
        match ProcessRecord::decode(stored) {
            Ok(record) => Ok(Self::Record(record)),
            // Passed over, whatever is done with unknown facts, it would make another state.
            Err(DecodeError::UnknownName) if ProcessRecord::has_name_like(stored.name) => {
                let reason = "a newer version of the framework wrote this";
                Err(DecodeError::Payload(PayloadError::new(reason)))
            }
            Err(DecodeError::UnknownName) => E::decode(stored).map(Self::Fact),
            Err(error) => Err(error),
        }
    }
}
