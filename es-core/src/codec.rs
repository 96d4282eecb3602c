//! How payloads become bytes.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::BoxError;

/// The form of an event's or a snapshot's bytes. It is stored with each commit, so a stream may
/// change it at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Codec {
    /// JSON text: readable in every console, tolerant of added fields.
    #[default]
    Json,
    /// [postcard](https://postcard.jamesmunns.com): compact and fast to read. It is not
    /// self-describing: **every** change of an event's fields needs a new schema version and an
    /// upcaster, also an added optional field; serde's `flatten`, `untagged`, internal tags and
    /// `skip_serializing_if` do not work with it. Needs the feature `postcard`.
    Postcard,
}

/// The compression of a commit's payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// [Zstandard](https://facebook.github.io/zstd/). Needs the feature `zstd`.
    Zstd,
}

/// Codec and compression together, as stored with a commit: `json`, `postcard`, `json+zstd`,
/// `postcard+zstd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Encoding {
    /// The form of each payload.
    pub codec: Codec,
    /// The compression of all payloads of the commit.
    pub compression: Compression,
}

impl Encoding {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match (self.codec, self.compression) {
            (Codec::Json, Compression::None) => "json",
            (Codec::Json, Compression::Zstd) => "json+zstd",
            (Codec::Postcard, Compression::None) => "postcard",
            (Codec::Postcard, Compression::Zstd) => "postcard+zstd",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A stored encoding that this program does not know.
#[derive(Debug, Clone, thiserror::Error)]
#[error("unknown encoding {0:?}")]
pub struct UnknownEncoding(pub String);

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, UnknownEncoding> {
        let (codec, compression) = match name {
            "json" => (Codec::Json, Compression::None),
            "json+zstd" => (Codec::Json, Compression::Zstd),
            "postcard" => (Codec::Postcard, Compression::None),
            "postcard+zstd" => (Codec::Postcard, Compression::Zstd),
            other => return Err(UnknownEncoding(other.to_owned())),
        };
        Ok(Self { codec, compression })
    }
}

/// The bytes of one payload, in the form that its codec has. JSON is known to be UTF-8, so the
/// parser does not check that again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload<'a> {
    /// A JSON text.
    Json(&'a str),
    /// Postcard bytes.
    Postcard(&'a [u8]),
    /// Not a payload, but the question what one looks like, for
    /// [`SchemaLock`](crate::testing::SchemaLock).
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    Probe(&'a crate::testing::Probe),
}

impl<'a> Payload<'a> {
    /// The bytes.
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Json(text) => text.as_bytes(),
            Self::Postcard(bytes) => bytes,
            #[cfg(feature = "testing")]
            Self::Probe(_) => &[],
        }
    }

    /// Reads a value from the payload, straight from the stored bytes.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when the bytes are not a `T`.
    pub fn decode<T: DeserializeOwned>(self) -> Result<T, PayloadError> {
        match self {
            Self::Json(text) => {
                serde_json::from_str(text).map_err(|error| PayloadError::new(json_error(&error)))
            }
            Self::Postcard(bytes) => decode_postcard(bytes),
            #[cfg(feature = "testing")]
            Self::Probe(probe) => {
                probe.ask::<T>();
                Err(PayloadError::new("the payload is a question"))
            }
        }
    }
}

impl Codec {
    /// Appends the encoded `value` to `out`. After an error `out` may end with a part of it.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when the value cannot be represented, as a map with keys that are not
    /// strings in JSON.
    pub fn encode<T: Serialize + ?Sized>(
        self,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<(), PayloadError> {
        match self {
            Self::Json => serde_json::to_writer(out, value).map_err(PayloadError::new),
            Self::Postcard => encode_postcard(value, out),
        }
    }
}

#[cfg(feature = "postcard")]
fn encode_postcard<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), PayloadError> {
    postcard::to_io(value, out).map(drop).map_err(PayloadError::new)
}

#[cfg(feature = "postcard")]
fn decode_postcard<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PayloadError> {
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(PayloadError::new)?;
    // Bytes left over mean another shape was written than is read now: a wrong value, not a value.
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(PayloadError::new(format!("{} bytes are left over", rest.len())))
    }
}

#[cfg(not(feature = "postcard"))]
fn encode_postcard<T: Serialize + ?Sized>(_: &T, _: &mut Vec<u8>) -> Result<(), PayloadError> {
    Err(PayloadError::new(NO_POSTCARD))
}

#[cfg(not(feature = "postcard"))]
fn decode_postcard<T: DeserializeOwned>(_: &[u8]) -> Result<T, PayloadError> {
    Err(PayloadError::new(NO_POSTCARD))
}

#[cfg(not(feature = "postcard"))]
const NO_POSTCARD: &str = "es-core was built without its feature `postcard`";

/// What is wrong with a JSON text, without the values in it: errors end up in logs, payloads must not.
pub(crate) fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // These name fields of the type, not of the text.
    if text.starts_with("missing field") || text.starts_with("duplicate field") {
        return text;
    }
    let (line, column) = (error.line(), error.column());
    let found = [
        ("invalid type", "a value of another type"),
        ("invalid value", "a value out of range"),
        ("invalid length", "another number of elements"),
        ("unknown field", "an unknown field"),
        ("unknown variant", "an unknown variant"),
    ];
    for (start, found) in found {
        // What is expected is known to the type; what stands before it is from the text.
        if text.starts_with(start)
            && let Some((_, expected)) = text.rsplit_once(", expected ")
        {
            return format!("{found}, expected {expected}");
        }
    }
    let what = match error.classify() {
        serde_json::error::Category::Data => "a value that the type refuses",
        serde_json::error::Category::Eof => "the end of the text",
        _ => "no JSON",
    };
    format!("{what} at line {line} column {column}")
}

/// A payload that cannot be encoded or decoded, with the codec's error.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PayloadError(BoxError);

impl PayloadError {
    pub(crate) fn new(source: impl Into<BoxError>) -> Self {
        Self(source.into())
    }
}

/// Compresses, or says that the program was built without the means.
#[cfg(feature = "zstd")]
pub(crate) fn compress(compression: Compression, plain: &[u8]) -> Result<Vec<u8>, PayloadError> {
    /// zstd's own default: the knee of its speed and ratio curve.
    const LEVEL: i32 = 3;
    match compression {
        Compression::None => Ok(plain.to_vec()),
        Compression::Zstd => zstd::bulk::compress(plain, LEVEL).map_err(PayloadError::new),
    }
}

/// Decompresses to exactly `plain_len` bytes; a stream that would grow past it is refused before it
/// takes memory.
#[cfg(feature = "zstd")]
pub(crate) fn decompress(stored: &[u8], plain_len: usize) -> Result<Vec<u8>, PayloadError> {
    let plain = zstd::bulk::decompress(stored, plain_len).map_err(PayloadError::new)?;
    if plain.len() == plain_len {
        Ok(plain)
    } else {
        Err(PayloadError::new(format!(
            "{plain_len} bytes were compressed, {} come back",
            plain.len()
        )))
    }
}

#[cfg(not(feature = "zstd"))]
pub(crate) fn compress(compression: Compression, plain: &[u8]) -> Result<Vec<u8>, PayloadError> {
    match compression {
        Compression::None => Ok(plain.to_vec()),
        Compression::Zstd => Err(PayloadError::new(NO_ZSTD)),
    }
}

#[cfg(not(feature = "zstd"))]
pub(crate) fn decompress(_: &[u8], _: usize) -> Result<Vec<u8>, PayloadError> {
    Err(PayloadError::new(NO_ZSTD))
}

#[cfg(not(feature = "zstd"))]
const NO_ZSTD: &str = "es-core was built without its feature `zstd`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_where_and_never_what_the_payload_says() {
        #[derive(Debug, serde::Deserialize)]
        struct Person {
            #[expect(dead_code, reason = "only its type matters")]
            age: u8,
        }
        for payload in [r#"{"age":"Ada Secret"}"#, r#"{"age":7777}"#, r#"{"Secret":1,"age":"#] {
            let error = Payload::Json(payload).decode::<Person>().unwrap_err().to_string();
            assert!(!error.contains("Secret") && !error.contains("7777"), "{error}");
            assert!(error.contains("column"), "{error}");
        }
        let missing = Payload::Json("{}").decode::<Person>().unwrap_err().to_string();
        assert!(missing.contains("missing field `age`"), "{missing}");
    }
}
