//! What the view of all processes reads of their streams.

use std::fmt;

use crate::codec::{Codec, PayloadError};
use crate::encoded_events::EncodedEvent;
use crate::event::{DecodeError, Event, EventSchema};

use super::{ProcessEntry, ProcessRecord};

/// One entry in the stream of a process, as far as this program can read it. As the event of a projector it is public,
/// but only this module makes one.
///
/// A view has no state that a fact would have to be folded into, so it can pass over one that a newer program wrote, and
/// say so. Records are never passed over: where a process is follows from them.
pub enum StatusEntry<E> {
    /// It was read.
    Read(ProcessEntry<E>),
    /// A fact that this program cannot read.
    UnreadFact {
        /// Its stored name.
        name: String,
    },
}

impl<E: Event> fmt::Debug for StatusEntry<E> {
    /// Without contents: they may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(entry) => entry.fmt(f),
            Self::UnreadFact { name } => write!(f, "UnreadFact({name})"),
        }
    }
}

impl<E: Event> Event for StatusEntry<E> {
    const SCHEMAS: &'static [EventSchema] = ProcessEntry::<E>::SCHEMAS;

    const ALIASES: &'static [&'static str] = ProcessEntry::<E>::ALIASES;

    fn name(&self) -> &'static str {
        match self {
            Self::Read(entry) => entry.name(),
            Self::UnreadFact { .. } => "Process:UnreadFact",
        }
    }

    fn schema_version(&self) -> u32 {
        match self {
            Self::Read(entry) => entry.schema_version(),
            Self::UnreadFact { .. } => 1,
        }
    }

    fn encode(&self, codec: Codec, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        match self {
            Self::Read(entry) => entry.encode(codec, out),
            Self::UnreadFact { .. } => Err(PayloadError::new("it was not read")),
        }
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Self, DecodeError> {
        match ProcessEntry::decode(stored) {
            Ok(entry) => Ok(Self::Read(entry)),
            Err(error) if ProcessRecord::has_name_like(stored.name) => Err(error),
            Err(_) => Ok(Self::UnreadFact { name: stored.name.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Payload;
    use crate::saga::SagaEvent;

    fn read(name: &str, schema_version: u32) -> Result<StatusEntry<SagaEvent>, DecodeError> {
        let payload = Payload::Json(r#"{"stop":"a"}"#);
        StatusEntry::decode(EncodedEvent { name, schema_version, payload })
    }

    #[test]
    fn facts_that_cannot_be_read_are_passed_over_whyever() {
        // A shape, a version, and a name that this program does not know.
        for (name, version) in [("Saga:StepDone", 1), ("Saga:StepDone", 2), ("Saga:Dreamt", 1)] {
            let Ok(StatusEntry::UnreadFact { name: unread }) = read(name, version) else {
                panic!("{name} of version {version} is not passed over");
            };
            assert_eq!(unread, name);
        }
    }

    #[test]
    fn records_that_cannot_be_read_are_not_passed_over() {
        for (name, version) in
            [("Process:Completed", 1), ("Process:Completed", 2), ("Process:Dreamt", 1)]
        {
            assert!(read(name, version).is_err(), "{name} of version {version} is passed over");
        }
    }
}
