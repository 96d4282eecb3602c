//! Facts, and how they are stored.

use crate::clock::Timestamp;
use crate::codec::{Codec, PayloadError};
use crate::commit::Commit;
use crate::encoded_events::EncodedEvent;
use crate::stream_id::StreamId;
use crate::version::Version;

/// An immutable fact. Usually an enum with `#[derive(Event)]`, one variant per fact.
///
/// Each event is stored under a stable name with a schema version; the payload is the variant's
/// content alone. Names, versions and payloads are for ever: change them only through a new version
/// and an upcaster. [`SchemaLock`](crate::testing) (feature `testing`) makes a test of that.
///
/// ```
/// use es_core::{Codec, EncodedEvents, Event};
///
/// #[derive(Debug, PartialEq, Event)]
/// #[event(prefix = "Dispense")]
/// enum DispenseEvent {
///     Started { patient: String },
///     Completed,
/// }
///
/// let events = [DispenseEvent::Started { patient: "Ada".into() }, DispenseEvent::Completed];
/// let stored = EncodedEvents::encode(&events, Codec::Json, Default::default(), 0)?;
/// assert_eq!(&**stored.manifest(), "Dispense:Started 1 17\nDispense:Completed 1 2");
/// assert_eq!(stored.payloads(), b"{\"patient\":\"Ada\"}\n{}");
/// for (stored, event) in stored.open()?.iter().zip(&events) {
///     assert_eq!(&DispenseEvent::decode(stored)?, event);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Event: Sized + Send + Sync + 'static {
    /// What readers of this type do with a stored event whose name it does not have.
    const UNKNOWN: UnknownEvents = UnknownEvents::Fail;

    /// The names that this type writes, with their current schema versions.
    const SCHEMAS: &'static [EventSchema];

    /// Other stored names that [`decode`](Self::decode) reads: those that were written in the past.
    const ALIASES: &'static [&'static str] = &[];

    /// What of these events says something about a person: an [announcer](crate::announcer) leaves it out.
    /// It concerns what [`encode`](Self::encode) writes as JSON.
    const PERSONAL: &'static [PersonalData] = &[];

    /// The stored name, as in `Dispense:Started`: 1–128 bytes without white space or control
    /// characters.
    fn name(&self) -> &'static str;

    /// The schema version of the payload that [`encode`](Self::encode) writes, from 1.
    fn schema_version(&self) -> u32;

    /// Appends the payload to `out`.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when the content cannot be represented in `codec`.
    fn encode(&self, codec: Codec, out: &mut Vec<u8>) -> Result<(), PayloadError>;

    /// Reads a stored event, older schema versions through their upcasters.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for a name or version that the type does not have, or a payload that is not
    /// what name and version promise.
    fn decode(stored: EncodedEvent<'_>) -> Result<Self, DecodeError>;
}

/// What a type writes under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSchema {
    /// The stored name.
    pub name: &'static str,
    /// The current schema version.
    pub version: u32,
}

/// What of the events of one name is personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonalData {
    /// The stored name.
    pub event: &'static str,
    /// What of them.
    pub part: PersonalPart,
}

/// A part of an event's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalPart {
    /// All of it.
    Everything,
    /// The fields of these stored names, with all that is in them.
    Fields(&'static [&'static str]),
}

/// What a reader does with an event whose name its event type does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownEvents {
    /// Stop with [`Error::Decode`](crate::Error::Decode): right for aggregates, whose state would
    /// be wrong without the event.
    #[default]
    Fail,
    /// Leave it out and count it in the metric
    /// [`EVENTS_SKIPPED`](crate::telemetry::EVENTS_SKIPPED): right for readers that want some of a
    /// category's events. A newer *version* of a known name is never left out.
    Skip,
}

/// Why a stored event cannot be read as the type asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The type has no event of this name.
    #[error("the event type has no event of this name")]
    UnknownName,
    /// The type knows the name, but neither this version nor an upcaster from it.
    #[error("this program reads schema versions up to {newest}")]
    UnknownVersion {
        /// The newest version that the type can read.
        newest: u32,
    },
    /// The payload does not have the shape that name and version promise.
    #[error("the payload does not have the promised shape")]
    Payload(#[from] PayloadError),
}

/// A decoded event in its place in the log.
#[derive(Debug)]
pub struct Recorded<'a, E> {
    /// The event.
    pub event: E,
    commit: &'a Commit,
    version: Version,
}

impl<'a, E> Recorded<'a, E> {
    /// The event at `version` of `commit`.
    pub fn new(event: E, commit: &'a Commit, version: Version) -> Self {
        Self { event, commit, version }
    }

    /// The same, with a reference to the event.
    pub fn as_ref(&self) -> Recorded<'a, &E> {
        Recorded { event: &self.event, commit: self.commit, version: self.version }
    }

    /// The stream that the event is in.
    pub fn stream(&self) -> &'a StreamId {
        self.commit.stream()
    }

    /// The aggregate's id.
    pub fn aggregate_id(&self) -> &'a str {
        self.commit.stream().id()
    }

    /// The event's position in its stream.
    pub fn version(&self) -> Version {
        self.version
    }

    /// When the commit was decided.
    pub fn recorded_at(&self) -> Timestamp {
        self.commit.recorded_at()
    }

    /// The commit that the event is in, with its metadata.
    pub fn commit(&self) -> &'a Commit {
        self.commit
    }
}
