//! The metadata of commits: what is read is written again and read as the same.

#![no_main]

use es_core::{EncodedMetadata, Error, Metadata};
use es_fuzz::{SMALL, assert_silent, within};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let stored = EncodedMetadata::from_stored(text.into());
    assert_eq!(stored.as_str(), text);
    let metadata = match within(SMALL, || stored.decode()) {
        Ok(metadata) => metadata,
        Err(error @ Error::Corrupt { .. }) => return assert_silent(input, &error),
        Err(other) => panic!("{other:?}"),
    };
    match metadata.encode() {
        Ok(again) => {
            assert!(again.as_str().len() <= Metadata::MAX_LEN);
            assert_eq!(again.decode().expect("it was just written"), metadata);
            let canonical = again.decode().and_then(|metadata| metadata.encode());
            assert_eq!(canonical.expect("it was just written"), again);
        }
        Err(Error::MetadataTooLarge { actual, limit }) => assert!(actual > limit),
        Err(other) => panic!("{other:?}"),
    }
});
