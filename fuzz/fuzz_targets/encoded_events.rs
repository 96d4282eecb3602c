//! Manifests and payloads: what fits together comes apart again as it was, and every event is a part
//! of the whole, in order.

#![no_main]

use es_core::{Codec, Compression, EncodedEvents, Encoding, OpenEvents};
use es_fuzz::{Parts, SMALL, within};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(parts) = Parts::of(input) else { return };
    if parts.encoding.compression != Compression::None {
        return;
    }
    let Ok(events) = within(SMALL, || parts.stored()) else { return };
    assert_eq!(events.encoding(), parts.encoding);
    assert_eq!(&**events.manifest(), parts.manifest);
    assert_eq!(events.payloads(), parts.payloads);
    assert_eq!(events.stored_len(), parts.manifest.len() + parts.payloads.len());
    assert_eq!(events.names().count(), events.len());
    assert_eq!(parts.manifest.split('\n').count(), events.len());

    let open = within(SMALL, || events.open().expect("what is not compressed opens"));
    assert_eq!(joined(&open, parts.encoding), (lines(&open), parts.payloads.to_vec()));
    assert!(events.names().eq(open.iter().map(|event| (event.name, event.schema_version))));

    if parts.encoding == Encoding::default() {
        let text = std::str::from_utf8(parts.payloads).expect("it was accepted as text");
        let json = EncodedEvents::from_stored_json(parts.manifest.into(), text.into());
        assert_eq!(json.as_ref(), Ok(&events));
    }
});

/// The manifest's lines without the lengths, which may be written with leading zeros.
fn lines(open: &OpenEvents<'_>) -> Vec<(String, u32, usize)> {
    open.iter()
        .map(|event| (event.name.to_owned(), event.schema_version, event.payload.as_bytes().len()))
        .collect()
}

fn joined(open: &OpenEvents<'_>, encoding: Encoding) -> (Vec<(String, u32, usize)>, Vec<u8>) {
    let separator: &[u8] = if encoding.codec == Codec::Json { b"\n" } else { b"" };
    let payloads: Vec<&[u8]> = open.iter().map(|event| event.payload.as_bytes()).collect();
    (lines(open), payloads.join(separator))
}
