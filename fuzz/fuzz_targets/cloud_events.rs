//! CloudEvents of anybody: what is read is written again and read as the same; what is none is refused
//! without a word about what is in it.

#![no_main]

use es_core::cloud_events::{CloudEvent, decode};
use es_fuzz::{SMALL, assert_silent, within};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    match within(SMALL, || CloudEvent::parse(input)) {
        Ok(event) => round_trip(&event),
        Err(error) => assert_silent(input, &error),
    }
    match within(SMALL, || CloudEvent::parse_batch(input)) {
        Ok(events) => events.iter().for_each(round_trip),
        Err(error) => assert_silent(input, &error),
    }
    if let Err(error) = within(SMALL, || decode(input)) {
        assert_silent(input, &error);
    }
});

fn round_trip(event: &CloudEvent) {
    let json = event.to_json().expect("it was read");
    assert_eq!(CloudEvent::parse(json.as_bytes()).as_ref(), Ok(event));
    let message = event.message().expect("it was read");
    assert!(!message.body.contains(['\u{FFFE}', '\u{FFFF}']));
    let received = CloudEvent::parse(message.body.as_bytes()).expect("it was just written");
    assert_eq!(received.id(), event.id());
    let fifo = event.fifo_message().expect("it was read");
    assert!(fifo.group.is_some_and(|group| (1..=128).contains(&group.len())));
}
