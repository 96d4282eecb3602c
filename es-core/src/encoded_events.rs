//! The events of one commit, as bytes.

use std::borrow::Cow;
use std::str::Utf8Error;

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::{self, Codec, Compression, Encoding, Payload, PayloadError};
use crate::event::Event;
use crate::metadata::{EncodedMetadata, Metadata};
use crate::slab;

/// The events of one commit as they are stored: a *manifest* that lists them, and their payloads in
/// one piece.
///
/// The manifest is text with one line per event: its name, its schema version and the length of its
/// payload in bytes, separated by spaces. The payloads follow one another in the same order; JSON
/// payloads are separated by a line feed, so that the whole is JSON Lines. Compression covers all
/// payloads of the commit together; the lengths are those before it.
///
/// ```text
/// Dispense:Started 1 37
/// Dispense:PatientAdded 2 52
/// ```
///
/// Cloning is cheap, and nothing is copied between the store and the decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedEvents {
    encoding: Encoding,
    manifest: ByteString,
    payloads: Payloads,
    count: u32,
    /// The manifest's first line, read when the rest was checked: most commits have no other.
    first: First,
    /// How many bytes the payloads have before compression: at most `MAX_PLAIN_LEN` when they are compressed,
    /// and nobody asks otherwise.
    plain_len: u32,
}

/// JSON that is not compressed is kept as text, checked once.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Payloads {
    Text(ByteString),
    Binary(Bytes),
}

/// The lengths of payloads and manifest in a piece of memory in which the metadata follow.
#[derive(Clone, Copy)]
struct Ends {
    payloads: usize,
    manifest: usize,
}

impl Ends {
    fn cut(
        self,
        mut bytes: Bytes,
        encoding: Encoding,
    ) -> Result<(Payloads, ByteString, EncodedMetadata), Utf8Error> {
        let (payloads, text) = match encoding {
            // Text is checked once, all of it together.
            Encoding { codec: Codec::Json, compression: Compression::None } => {
                let (payloads, text) = ByteString::try_from(bytes)?.split_at(self.payloads);
                (Payloads::Text(payloads), text)
            }
            _ => {
                let text = bytes.split_off(self.payloads);
                (Payloads::Binary(bytes), ByteString::try_from(text)?)
            }
        };
        let (manifest, metadata) = text.split_at(self.manifest);
        Ok((payloads, manifest, EncodedMetadata::from_stored(metadata)))
    }
}

/// One stored event, borrowed from its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodedEvent<'a> {
    /// The stored name.
    pub name: &'a str,
    /// The stored schema version.
    pub schema_version: u32,
    /// The stored payload.
    pub payload: Payload<'a>,
}

/// What does not fit in stored events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CorruptEvents {
    /// A line of the manifest is not `name version length`.
    #[error("line {line} of the manifest cannot be read")]
    Manifest {
        /// The line, counted from 1.
        line: u32,
    },
    /// The manifest lists no event.
    #[error("the manifest is empty")]
    Empty,
    /// The lengths in the manifest do not add up to the payloads.
    #[error("the manifest lists {listed} bytes of payloads, there are {found}")]
    Length {
        /// The sum of the manifest.
        listed: u64,
        /// The length found.
        found: u64,
    },
    /// The manifest of compressed payloads lists more than any commit can have.
    #[error("the manifest lists {listed} bytes of payloads, more than any commit has")]
    TooLarge {
        /// The sum of the manifest.
        listed: u64,
    },
    /// JSON payloads are not UTF-8, or an event ends inside a character.
    #[error("the payloads are not UTF-8 text")]
    NotText,
    /// Compressed payloads do not decompress.
    #[error("the payloads cannot be decompressed: {0}")]
    Compressed(String),
}

/// The most bytes of payloads, before compression, that a commit is decompressed to: far over what any
/// store takes, and far under what a damaged or hostile commit could claim.
const MAX_PLAIN_LEN: usize = 256 << 20;

impl EncodedEvents {
    /// Encodes events with `codec`; the payloads are compressed when together they have at least
    /// `compress_from` bytes and become smaller by it.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] naming the event that cannot be encoded.
    pub fn encode<E: Event>(
        events: &[E],
        codec: Codec,
        compression: Compression,
        compress_from: usize,
    ) -> Result<Self, EncodeError> {
        Self::encode_with(events, codec, compression, compress_from, &Metadata::default())
            .map(|(events, _)| events)
    }

    /// Like [`encode`](Self::encode), with the metadata of the commit: all of it in one piece of memory.
    pub(crate) fn encode_with<E: Event>(
        events: &[E],
        codec: Codec,
        compression: Compression,
        compress_from: usize,
        metadata: &Metadata,
    ) -> Result<(Self, EncodedMetadata), EncodeError> {
        slab::write(|bytes| {
            let mut manifest = String::with_capacity(events.len() * 32);
            let mut first = First::default();
            for (index, event) in events.iter().enumerate() {
                if index > 0 {
                    manifest.push('\n');
                    bytes.extend(separator(codec));
                }
                let start = bytes.len();
                event
                    .encode(codec, bytes)
                    .map_err(|source| EncodeError { name: event.name(), source })?;
                let entry = Entry {
                    name: event.name(),
                    schema_version: event.schema_version(),
                    len: bytes.len() - start,
                };
                entry.write(&mut manifest);
                if index == 0 {
                    first = entry.as_first();
                }
            }
            let plain_len = bytes.len();
            let mut encoding = Encoding { codec, compression: Compression::None };
            let worth_it = (compress_from..=MAX_PLAIN_LEN).contains(&plain_len);
            if compression != Compression::None && worth_it {
                let compressed =
                    codec::compress(compression, bytes).map_err(EncodeError::of_all)?;
                if compressed.len() < plain_len {
                    encoding.compression = compression;
                    *bytes = compressed;
                }
            }
            let ends = Ends { payloads: bytes.len(), manifest: manifest.len() };
            bytes.extend_from_slice(manifest.as_bytes());
            metadata.write(bytes).map_err(|error| EncodeError::of_all(PayloadError::new(error)))?;
            Ok((encoding, ends, first, plain_len))
        })
        .and_then(|(bytes, (encoding, ends, first, plain_len))| {
            let (payloads, manifest, metadata) = ends
                .cut(bytes, encoding)
                .map_err(|error| EncodeError::of_all(PayloadError::new(error)))?;
            let short = |len| u32::try_from(len).unwrap_or(u32::MAX);
            let (count, plain_len) = (short(events.len()), short(plain_len));
            Ok((Self { encoding, manifest, payloads, count, first, plain_len }, metadata))
        })
    }

    /// Puts together what a backend stored.
    ///
    /// # Errors
    ///
    /// [`CorruptEvents`] when the parts do not fit each other.
    pub fn from_stored(
        encoding: Encoding,
        manifest: ByteString,
        payloads: Bytes,
    ) -> Result<Self, CorruptEvents> {
        let payloads = match encoding {
            Encoding { codec: Codec::Json, compression: Compression::None } => {
                Payloads::Text(ByteString::try_from(payloads).map_err(|_| CorruptEvents::NotText)?)
            }
            _ => Payloads::Binary(payloads),
        };
        Self::checked(encoding, manifest, payloads)
    }

    /// Like [`from_stored`](Self::from_stored) for uncompressed JSON that is already known to be
    /// text, as when a store reads a whole page into one string and hands out parts of it.
    ///
    /// # Errors
    ///
    /// [`CorruptEvents`] when the parts do not fit each other.
    pub fn from_stored_json(
        manifest: ByteString,
        payloads: ByteString,
    ) -> Result<Self, CorruptEvents> {
        Self::checked(Encoding::default(), manifest, Payloads::Text(payloads))
    }

    fn checked(
        encoding: Encoding,
        manifest: ByteString,
        payloads: Payloads,
    ) -> Result<Self, CorruptEvents> {
        if manifest.is_empty() {
            return Err(CorruptEvents::Empty);
        }
        let (mut count, mut listed) = (0_u32, 0_u64);
        let mut first = First::default();
        for entry in Manifest::new(&manifest) {
            count += 1;
            let entry = entry.ok_or(CorruptEvents::Manifest { line: count })?;
            if count == 1 {
                first = entry.as_first();
            }
            listed = listed.saturating_add(entry.len as u64);
        }
        if separator(encoding.codec).is_some() {
            listed = listed.saturating_add(u64::from(count) - 1);
        }
        let plain_len = usize::try_from(listed).unwrap_or(usize::MAX);
        if encoding.compression != Compression::None && plain_len > MAX_PLAIN_LEN {
            return Err(CorruptEvents::TooLarge { listed });
        }
        let plain_len = u32::try_from(plain_len).unwrap_or(u32::MAX);
        let events = Self { encoding, manifest, payloads, count, first, plain_len };
        if encoding.compression == Compression::None {
            let found = events.payloads().len() as u64;
            if found != listed {
                return Err(CorruptEvents::Length { listed, found });
            }
            // A single payload is the whole text.
            if let Payloads::Text(text) = &events.payloads
                && count > 1
            {
                check_text(&events.manifest, text)?;
            }
        }
        Ok(events)
    }

    /// How many events there are; at least one, when they come from a store.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no event: only in what was encoded from an empty slice.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Codec and compression.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The manifest, as stored.
    pub fn manifest(&self) -> &ByteString {
        &self.manifest
    }

    /// The payloads, as stored.
    pub fn payloads(&self) -> &[u8] {
        match &self.payloads {
            Payloads::Text(text) => text.as_bytes(),
            Payloads::Binary(bytes) => bytes,
        }
    }

    /// The payloads as text, when they are uncompressed JSON.
    pub fn payloads_text(&self) -> Option<&str> {
        match &self.payloads {
            Payloads::Text(text) => Some(text),
            Payloads::Binary(_) => None,
        }
    }

    /// The stored size in bytes: manifest and payloads.
    pub fn stored_len(&self) -> usize {
        self.manifest.len() + self.payloads().len()
    }

    /// The names and schema versions, without touching the payloads.
    pub fn names(&self) -> impl Iterator<Item = (&str, u32)> {
        self.entries().map(|entry| (entry.name, entry.schema_version))
    }

    /// The lines of the manifest, the first of which has been read.
    #[inline]
    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let manifest: &str = &self.manifest;
        let first = (self.count > 0).then(|| self.first.of(manifest));
        let others = (self.count > 1).then(|| Manifest::new(manifest).skip(1).flatten());
        first.into_iter().chain(others.into_iter().flatten())
    }

    /// The same events without compression.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn decompressed(&self) -> Result<Self, CorruptEvents> {
        let payloads = match self.open()?.plain {
            Plain::Json(text) => Payloads::Text(text.into_owned().into()),
            Plain::Postcard(bytes) => Payloads::Binary(bytes.into_owned().into()),
        };
        let encoding = Encoding { codec: self.encoding.codec, compression: Compression::None };
        Self::checked(encoding, self.manifest.clone(), payloads)
    }

    /// Makes the payloads readable, decompressing them if need be.
    ///
    /// # Errors
    ///
    /// [`CorruptEvents`] when compressed payloads do not decompress to what the manifest lists.
    #[inline]
    pub fn open(&self) -> Result<OpenEvents<'_>, CorruptEvents> {
        let plain = match (&self.payloads, self.encoding) {
            (Payloads::Text(text), _) => Plain::Json(Cow::Borrowed(text)),
            (
                Payloads::Binary(bytes),
                Encoding { codec: Codec::Postcard, compression: Compression::None },
            ) => Plain::Postcard(Cow::Borrowed(bytes)),
            (Payloads::Binary(bytes), encoding) => self.decompress(bytes, encoding)?,
        };
        Ok(OpenEvents { stored: self, plain })
    }

    #[cold]
    fn decompress(&self, bytes: &[u8], encoding: Encoding) -> Result<Plain<'_>, CorruptEvents> {
        if encoding.compression == Compression::None {
            return Err(CorruptEvents::NotText);
        }
        let plain = codec::decompress(bytes, self.plain_len as usize)
            .map_err(|error| CorruptEvents::Compressed(error.to_string()))?;
        Ok(match encoding.codec {
            Codec::Json => {
                let text = String::from_utf8(plain).map_err(|_| CorruptEvents::NotText)?;
                check_text(&self.manifest, &text)?;
                Plain::Json(Cow::Owned(text))
            }
            Codec::Postcard => Plain::Postcard(Cow::Owned(plain)),
        })
    }
}

/// The readable events of one commit.
#[derive(Debug)]
pub struct OpenEvents<'a> {
    stored: &'a EncodedEvents,
    plain: Plain<'a>,
}

#[derive(Debug)]
enum Plain<'a> {
    Json(Cow<'a, str>),
    Postcard(Cow<'a, [u8]>),
}

impl OpenEvents<'_> {
    /// The events, in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = EncodedEvent<'_>> {
        let mut start = 0;
        self.stored.entries().map(move |entry| {
            let end = start + entry.len;
            // Both slices are inside the payloads, at character boundaries: `checked` saw to it.
            let payload = match &self.plain {
                Plain::Json(text) => {
                    let payload = Payload::Json(text.get(start..end).unwrap_or_default());
                    start = end + 1;
                    payload
                }
                Plain::Postcard(bytes) => {
                    let payload = Payload::Postcard(bytes.get(start..end).unwrap_or_default());
                    start = end;
                    payload
                }
            };
            EncodedEvent { name: entry.name, schema_version: entry.schema_version, payload }
        })
    }
}

/// Between two payloads: a line feed for JSON, nothing otherwise.
fn separator(codec: Codec) -> Option<u8> {
    match codec {
        Codec::Json => Some(b'\n'),
        Codec::Postcard => None,
    }
}

/// Each payload must be a string of its own, and a line of its own.
fn check_text(manifest: &str, text: &str) -> Result<(), CorruptEvents> {
    let mut end = 0;
    for entry in Manifest::new(manifest).flatten() {
        if end > 0 && text.as_bytes().get(end - 1) != Some(&b'\n') {
            return Err(CorruptEvents::NotText);
        }
        if !text.is_char_boundary(end + entry.len) {
            return Err(CorruptEvents::NotText);
        }
        end += entry.len + 1;
    }
    Ok(())
}

/// Walks the lines of a manifest; `None` for a line that cannot be read.
struct Manifest<'a> {
    rest: Option<&'a str>,
}

struct Entry<'a> {
    name: &'a str,
    schema_version: u32,
    len: usize,
}

/// The first line of a manifest, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct First {
    name_len: u32,
    schema_version: u32,
    len: u32,
}

impl First {
    #[inline]
    fn of(self, manifest: &str) -> Entry<'_> {
        let Self { name_len, schema_version, len } = self;
        let name = manifest.get(..name_len as usize).unwrap_or_default();
        Entry { name, schema_version, len: len as usize }
    }
}

impl<'a> Manifest<'a> {
    fn new(manifest: &'a str) -> Self {
        Self { rest: (!manifest.is_empty()).then_some(manifest) }
    }
}

impl<'a> Iterator for Manifest<'a> {
    type Item = Option<Entry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        let line = match rest.split_once('\n') {
            Some((line, rest)) => {
                self.rest = Some(rest);
                line
            }
            None => {
                self.rest = None;
                rest
            }
        };
        Some(Entry::parse(line))
    }
}

impl<'a> Entry<'a> {
    fn as_first(&self) -> First {
        let &Self { name, schema_version, len } = self;
        // What is longer than four GiB was refused when the line was read, and no store takes it.
        let short = |len| u32::try_from(len).unwrap_or(u32::MAX);
        First { name_len: short(name.len()), schema_version, len: short(len) }
    }

    fn write(&self, manifest: &mut String) {
        let mut digits = itoa::Buffer::new();
        manifest.push_str(self.name);
        manifest.push(' ');
        manifest.push_str(digits.format(self.schema_version));
        manifest.push(' ');
        manifest.push_str(digits.format(self.len));
    }

    fn parse(line: &'a str) -> Option<Self> {
        let (name, numbers) = line.split_once(' ')?;
        let (schema_version, len) = numbers.split_once(' ')?;
        if name.is_empty() {
            return None;
        }
        Some(Self {
            name,
            schema_version: u32::try_from(number(schema_version)?).ok()?,
            // Four GiB are far over what any store takes, and leave sums far from overflowing.
            len: usize::try_from(u32::try_from(number(len)?).ok()?).ok()?,
        })
    }
}

/// Digits only: `str::parse` would also take a sign.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    digits
        .bytes()
        .try_fold(0, |n, digit| digit.is_ascii_digit().then(|| n * 10 + u64::from(digit - b'0')))
}

/// An event that cannot be encoded.
#[derive(Debug, thiserror::Error)]
#[error("event {name} cannot be encoded")]
pub struct EncodeError {
    /// The event's name.
    pub name: &'static str,
    /// The codec's error.
    pub source: PayloadError,
}

impl EncodeError {
    fn of_all(source: PayloadError) -> Self {
        Self { name: "all of a commit", source }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(
        encoding: &str,
        manifest: &str,
        payloads: &[u8],
    ) -> Result<EncodedEvents, CorruptEvents> {
        let encoding = encoding.parse().unwrap();
        EncodedEvents::from_stored(encoding, manifest.into(), Bytes::copy_from_slice(payloads))
    }

    #[test]
    fn parts_that_do_not_fit_each_other_are_refused() {
        let damaged = [
            ("json", "", "".as_bytes()),
            ("json", "A:B 1", b"{}"),
            ("json", "A:B 1 +2", b"{}"),
            ("json", "A:B -1 2", b"{}"),
            ("json", "A:B 1 2 ", b"{}"),
            ("json", " 1 2", b"{}"),
            ("json", "A:B 1 2\n", b"{}"),
            ("json", "A:B 1 3", b"{}"),
            ("json", "A:B 1 1", b"{}"),
            ("json", "A:B 1 2\nA:B 1 2", b"{}{}"),
            ("json", "A:B 1 2\nA:B 1 2", b"{} {}"),
            ("json", "A:B 1 2", b"\xff\xfe"),
            ("json", "A:B 1 1\nA:B 1 2", "ä\n{}".as_bytes()),
            ("json", "A:B 1 99999999999999999999", b"{}"),
            ("postcard", "A:B 1 4294967295\nA:B 1 4294967295", b"ab"),
        ];
        for (encoding, manifest, payloads) in damaged {
            assert!(stored(encoding, manifest, payloads).is_err(), "{manifest:?} {payloads:?}");
        }
    }

    #[test]
    fn a_hostile_length_takes_no_memory() {
        let manifest = vec!["A:B 1 4294967295"; 1000].join("\n");
        let refused = stored("postcard+zstd", &manifest, b"\x28\xb5\x2f\xfd");
        assert!(matches!(refused, Err(CorruptEvents::TooLarge { .. })));
        let damaged = stored("json+zstd", "A:B 1 100", b"\x28\xb5\x2f\xfd").unwrap();
        assert!(matches!(damaged.open(), Err(CorruptEvents::Compressed(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            encoding in prop::sample::select(vec!["json", "postcard", "json+zstd", "postcard+zstd"]),
            manifest in "([A-Z:]{0,3}[ ]?[0-9]{0,3}[ ]?[0-9]{0,2}\n?){0,3}",
            payloads in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            if let Ok(events) = stored(encoding, &manifest, &payloads)
                && let Ok(open) = events.open()
            {
                prop_assert_eq!(open.iter().count(), events.len());
            }
        }
    }
}
