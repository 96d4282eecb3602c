//! The unit of storage and delivery.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock::{Timestamp, whole_microseconds};
use crate::encoded_events::{CorruptEvents, EncodedEvent, EncodedEvents, OpenEvents};
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::event::{DecodeError, Event, Recorded};
use crate::metadata::{EncodedMetadata, Metadata};
use crate::stream_id::StreamId;
use crate::version::{Head, Version};

/// The identity of a commit. Appending the same id again is recognised, so an append can be retried
/// without fear.
///
/// Ids of commands without an idempotency key are UUIDv7 (RFC 9562): they sort by time. With a key
/// they are derived from stream and key (UUIDv8), so the same request has the same id for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitId(Uuid);

impl CommitId {
    /// A new UUIDv7.
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let mut random = [0; 10];
        random[..8].copy_from_slice(&entropy.next_u64().to_le_bytes());
        random[8..].copy_from_slice(&entropy.next_u64().to_le_bytes()[..2]);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// A new UUIDv7 for a commit that follows one with the id `previous`. It is greater than a generated
    /// one, also when the clock is behind the clock that stamped that: then it is stamped a millisecond
    /// later than `previous`.
    ///
    /// Generated ids that grow along a stream let a store tell from the end of a stream that an id is
    /// not in it.
    pub fn generate_after(previous: Option<Self>, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let id = Self::generate(now, entropy);
        let Some(previous) = previous.filter(|previous| previous.is_generated() && *previous >= id)
        else {
            return id;
        };
        // The last of all milliseconds has no later one.
        let later = (previous.millis() + 1).min((1 << 48) - 1);
        let mut bytes = *id.as_bytes();
        bytes[..6].copy_from_slice(&later.to_be_bytes()[2..]);
        Self::from_bytes(bytes)
    }

    /// Whether this is a UUIDv7, as [`generate`](Self::generate) makes them.
    pub fn is_generated(&self) -> bool {
        self.0.get_version_num() == 7 && self.0.get_variant() == uuid::Variant::RFC4122
    }

    /// The first 48 bits: of a UUIDv7 the milliseconds since 1970.
    fn millis(&self) -> u64 {
        (self.0.as_u128() >> 80) as u64
    }

    /// The id that belongs to an idempotency key on a stream: the first 128 bits of a SHA-256, less
    /// the bits that mark a UUIDv8.
    pub fn derive(stream: &StreamId, key: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(stream.as_str());
        // A stream id has no control characters, so the two parts cannot run into each other.
        hash.update([0]);
        hash.update(key);
        let digest = hash.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// An id from its 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitId({})", self.0)
    }
}

impl FromStr for CommitId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_| Error::invalid_id("commit id", text, "it is not a UUID"))
    }
}

/// A commit that is to be appended; the store gives it its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// Its identity.
    pub id: CommitId,
    /// When it was decided, in whole microseconds: see [`NewCommit::new`].
    pub recorded_at: Timestamp,
    /// Who and what caused it.
    pub metadata: EncodedMetadata,
    /// Its events, at least one.
    pub events: EncodedEvents,
}

impl NewCommit {
    /// A commit of `events`, stamped `recorded_at` cut to microseconds: what every store keeps.
    pub fn new(
        id: CommitId,
        recorded_at: Timestamp,
        metadata: EncodedMetadata,
        events: EncodedEvents,
    ) -> Self {
        Self { id, recorded_at: whole_microseconds(recorded_at), metadata, events }
    }

    /// The commit in its place: `stream`, beginning at `first_version`. For stores.
    pub fn place(self, stream: StreamId, first_version: Version) -> Commit {
        let Self { id, recorded_at, metadata, events } = self;
        Commit { stream, id, first_version, recorded_at, metadata, events }
    }

    /// The bytes that count against a store's limit on commits: manifest, payloads and metadata.
    pub fn stored_len(&self) -> usize {
        self.events.stored_len() + self.metadata.as_str().len()
    }
}

/// The events that one command appended to one stream, in their place. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    stream: StreamId,
    id: CommitId,
    first_version: Version,
    recorded_at: Timestamp,
    metadata: EncodedMetadata,
    events: EncodedEvents,
}

impl Commit {
    /// The stream.
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// The commit's identity.
    pub fn id(&self) -> CommitId {
        self.id
    }

    /// The version of the first event.
    pub fn first_version(&self) -> Version {
        self.first_version
    }

    /// The version of the last event.
    pub fn last_version(&self) -> Version {
        self.first_version.plus((self.events.len() as u64).saturating_sub(1))
    }

    /// When it was decided, by the clock of the process that did. Clocks differ: within a stream
    /// these times may go backwards, versions never do.
    pub fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// Who and what caused it, still encoded.
    pub fn encoded_metadata(&self) -> &EncodedMetadata {
        &self.metadata
    }

    /// Who and what caused it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when the stored text cannot be read.
    pub fn metadata(&self) -> Result<Metadata> {
        self.metadata.decode()
    }

    /// The events, still encoded.
    pub fn events(&self) -> &EncodedEvents {
        &self.events
    }

    /// The proof that the stream ended here.
    pub fn head(&self) -> Head {
        Head {
            commit_id: self.id,
            first_version: self.first_version,
            last_version: self.last_version(),
        }
    }

    /// The CRC-32 of everything in the commit. A store keeps it and compares on reading.
    pub fn checksum(&self) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        // Short pieces are gathered: an update with few bytes takes as long as one with a hundred.
        let (mut gathered, mut len) = ([0; 256], 0);
        self.for_each_part(|part| {
            // The length goes first, so that no two ways of cutting the same bytes are alike.
            for piece in [&(part.len() as u64).to_le_bytes()[..], part] {
                if piece.len() > gathered.len() - len {
                    crc.update(&gathered[..len]);
                    len = 0;
                }
                match gathered[len..].get_mut(..piece.len()) {
                    Some(room) => {
                        room.copy_from_slice(piece);
                        len += piece.len();
                    }
                    None => crc.update(piece),
                }
            }
        });
        crc.update(&gathered[..len]);
        crc.finalize()
    }

    /// Calls `each` with everything in the commit, as bytes.
    pub(crate) fn for_each_part(&self, mut each: impl FnMut(&[u8])) {
        each(self.stream.as_str().as_bytes());
        each(self.id.as_bytes());
        each(&self.first_version.get().to_le_bytes());
        each(&self.recorded_at.as_microsecond().to_le_bytes());
        each(self.metadata.as_str().as_bytes());
        each(self.events.encoding().as_str().as_bytes());
        each(self.events.manifest().as_bytes());
        each(self.events.payloads());
    }

    /// Calls `each` with every event, decoded, in order. Events of unknown names or versions come as
    /// `Err`, so that the caller can follow its policy.
    ///
    /// # Errors
    ///
    /// What `each` returns, and [`Error::CorruptCommit`] when the payloads cannot be opened.
    pub fn for_each_event<E: Event>(
        &self,
        mut each: impl FnMut(Version, Result<E>) -> Result<()>,
    ) -> Result<()> {
        let events = self.open()?;
        let mut version = self.first_version;
        for encoded in events.iter() {
            let event =
                E::decode(encoded).map_err(|source| self.undecodable(version, encoded, source));
            each(version, event)?;
            version = version.next();
        }
        Ok(())
    }

    /// The events, readable.
    #[inline]
    pub(crate) fn open(&self) -> Result<OpenEvents<'_>> {
        self.events.open().map_err(|error| self.cannot_open(&error))
    }

    #[cold]
    fn cannot_open(&self, error: &CorruptEvents) -> Error {
        self.corrupt(error.to_string())
    }

    /// All events, decoded, each with its place.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] for the first event that is not an `E`, whatever `E`'s policy for unknown
    /// names is, and [`Error::CorruptCommit`] when the payloads cannot be opened.
    pub fn decode<E: Event>(&self) -> Result<Vec<Recorded<'_, E>>> {
        let mut decoded = Vec::with_capacity(self.events.len());
        self.for_each_event(|version, event| {
            decoded.push(Recorded::new(event?, self, version));
            Ok(())
        })?;
        Ok(decoded)
    }

    /// How many bytes manifest, payloads and metadata have.
    pub(crate) fn bytes_len(&self) -> usize {
        self.events.stored_len() + self.metadata.as_str().len()
    }

    /// An error about this commit's bytes. For stores.
    pub fn corrupt(&self, reason: impl Into<String>) -> Error {
        Error::CorruptCommit {
            stream: self.stream.clone(),
            version: self.first_version,
            reason: reason.into(),
        }
    }

    #[cold]
    pub(crate) fn undecodable(
        &self,
        version: Version,
        event: EncodedEvent<'_>,
        source: DecodeError,
    ) -> Error {
        Error::Decode {
            stream: self.stream.clone(),
            version,
            name: event.name.to_owned(),
            schema_version: event.schema_version,
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::SystemEntropy;

    /// The last millisecond that a UUIDv7 can show.
    const LAST: u64 = (1 << 48) - 1;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millisecond(millis as i64).expect("a time in range")
    }

    fn generated(millis: u64, random: [u8; 10]) -> CommitId {
        CommitId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    proptest! {
        #[test]
        fn a_generated_id_is_greater_than_the_generated_one_before_it(
            previous in prop_oneof![0..LAST, 0..2000_u64, Just(LAST - 1)],
            random in prop_oneof![any::<[u8; 10]>(), Just([0xff; 10])],
            now in prop_oneof![0..LAST / 2, 0..2000_u64],
        ) {
            let previous = generated(previous, random);
            let id = CommitId::generate_after(Some(previous), at(now), &SystemEntropy);
            prop_assert!(id > previous, "{id} after {previous}");
            prop_assert!(id.is_generated());
            prop_assert!(id.millis() == now || id.millis() == previous.millis() + 1);
        }

        #[test]
        fn an_id_that_was_not_generated_does_not_move_the_next_one(
            bytes in any::<[u8; 16]>(),
            now in 0..LAST / 2,
        ) {
            let previous = CommitId::from_bytes(bytes);
            let id = CommitId::generate_after(Some(previous), at(now), &SystemEntropy);
            prop_assert!(previous.is_generated() || id.millis() == now);
        }
    }

    #[test]
    fn the_checksum_covers_parts_of_any_length() {
        for payload in [0, 1, 60, 100, 200, 255, 256, 257, 5000] {
            let text = |len: usize| "x".repeat(len);
            let events = EncodedEvents::from_stored_json(
                format!("A:B 1 {payload}").into(),
                text(payload).into(),
            );
            let metadata = EncodedMetadata::from_stored(text(payload / 2).into());
            let stream = StreamId::new("account", "a").expect("a valid id");
            let id = CommitId::from_bytes([7; 16]);
            let commit = NewCommit::new(id, at(17), metadata, events.expect("they fit"))
                .place(stream, Version::FIRST);
            let mut crc = crc32fast::Hasher::new();
            commit.for_each_part(|part| {
                crc.update(&(part.len() as u64).to_le_bytes());
                crc.update(part);
            });
            assert_eq!(commit.checksum(), crc.finalize(), "{payload}");
        }
    }

    #[test]
    fn derived_ids_are_not_generated() {
        let stream = StreamId::new("account", "a").expect("a valid id");
        assert!(!CommitId::derive(&stream, "key").is_generated());
        assert!(!CommitId::from_bytes([0x77; 16]).is_generated(), "of version 7, of no variant");
        assert!(CommitId::generate(Timestamp::UNIX_EPOCH, &SystemEntropy).is_generated());
    }
}
