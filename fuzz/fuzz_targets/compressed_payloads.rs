//! Compressed payloads: they decompress to exactly what the manifest lists, and a bomb hits the limit
//! before it takes memory.

#![no_main]

use es_core::{Compression, CorruptEvents};
use es_fuzz::{Parts, SMALL, within};
use libfuzzer_sys::fuzz_target;

/// What a commit may decompress to: `MAX_PLAIN_LEN` of es-core.
const MAX_PLAIN_LEN: u64 = 256 << 20;

fuzz_target!(|input: &[u8]| {
    let Some(mut parts) = Parts::of(input) else { return };
    parts.encoding.compression = Compression::Zstd;
    let events = match within(SMALL, || parts.stored()) {
        Ok(events) => events,
        Err(CorruptEvents::TooLarge { listed: refused }) => {
            return assert!(refused > MAX_PLAIN_LEN);
        }
        Err(_) => return,
    };
    let separators = match parts.encoding.codec {
        es_core::Codec::Json => events.len() as u64 - 1,
        _ => 0,
    };
    let listed: u64 = parts.manifest.split('\n').map(length).sum();
    let plain = listed + separators;
    assert!(plain <= MAX_PLAIN_LEN);
    assert_eq!(events.payloads(), parts.payloads, "kept as stored");

    // The bytes themselves, and a copy when they turn out to be text.
    let Ok(open) = within(SMALL + 2 * plain as usize, || events.open()) else { return };
    let opened: u64 = open.iter().map(|event| event.payload.as_bytes().len() as u64).sum();
    assert_eq!(opened, listed);
    assert_eq!(open.iter().count(), events.len());
});

/// The length in a line of a manifest that was accepted.
fn length(line: &str) -> u64 {
    line.rsplit(' ').next().and_then(|digits| digits.parse().ok()).expect("a length")
}
