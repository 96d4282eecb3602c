//! What the fuzz targets share: the form of their inputs, and a limit on memory.
//!
//! An input that is an encoding, a manifest and payloads is written as text with a head, so that the
//! seeds in `seeds/` can be read and written by hand:
//!
//! ```text
//! json
//! Ledger:Entered 2 12
//!
//! {"amount":7}
//! ```

// These modules alone, and not their crate: with it the AWS SDK would be compiled with the counters.
#[path = "../../es-kinesis/src/aggregation/mod.rs"]
pub mod aggregation;
#[path = "../../es-kinesis/src/hash_key.rs"]
pub mod hash_key;

use std::alloc::System;

use bytes::Bytes;
use cap::Cap;
use es_core::{CorruptEvents, EncodedEvents, Encoding};

/// Takes no memory over a limit: what asks for more aborts, and libFuzzer keeps the input.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Runs `decode`, which may take so many bytes of memory beside what is taken already.
pub fn within<T>(bytes: usize, decode: impl FnOnce() -> T) -> T {
    let limit = MEMORY.allocated().saturating_add(bytes);
    if MEMORY.set_limit(limit).is_err() {
        panic!("another thread takes memory");
    }
    let decoded = decode();
    // Never an error: it is raised.
    let _ = MEMORY.set_limit(usize::MAX);
    decoded
}

/// The most memory that inputs of a few kilobytes may take, unless they are compressed.
pub const SMALL: usize = 1 << 20;

/// Stored events, taken apart.
pub struct Parts<'a> {
    pub encoding: Encoding,
    pub manifest: &'a str,
    pub payloads: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Reads an input; `None` when it has no head or no known encoding.
    pub fn of(input: &'a [u8]) -> Option<Self> {
        let (encoding, rest) = split(input, b"\n")?;
        let (manifest, payloads) = split(rest, b"\n\n")?;
        Some(Self {
            encoding: std::str::from_utf8(encoding).ok()?.parse().ok()?,
            manifest: std::str::from_utf8(manifest).ok()?,
            payloads,
        })
    }

    /// Puts them together as a store does.
    pub fn stored(&self) -> Result<EncodedEvents, CorruptEvents> {
        let payloads = Bytes::copy_from_slice(self.payloads);
        EncodedEvents::from_stored(self.encoding, self.manifest.into(), payloads)
    }
}

/// The parts before and behind a separator.
pub fn split<'a>(input: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = input.windows(separator.len()).position(|window| window == separator)?;
    Some((&input[..at], &input[at + separator.len()..]))
}

/// Errors end up in logs and must not say what a payload says. An input that has the mark in it, in
/// whatever place, must not find it in an error.
pub fn assert_silent(input: &[u8], error: &impl std::error::Error) {
    const MARK: &str = "s3cret";
    if input.windows(MARK.len()).any(|window| window == MARK.as_bytes()) {
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            assert!(!error.to_string().contains(MARK), "{error}");
            cause = error.source();
        }
    }
}
