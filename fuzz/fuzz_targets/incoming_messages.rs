//! Messages of anybody: what is in them has an id that a record takes, the same each time; what cannot be
//! read is refused without a word about what is in it.

#![no_main]

use es_core::{IdempotentRequest, Incoming, MessageId, ReceiptHandle, ReceivedMessage, Timestamp};
use es_fuzz::{SMALL, assert_silent, within};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(body) = std::str::from_utf8(input) else { return };
    let message = message(body);
    match within(SMALL, || Incoming::of(&message)) {
        Ok(all) => {
            assert_eq!(Incoming::of(&message).as_ref(), Ok(&all));
            for incoming in all {
                let request = IdempotentRequest::new("fuzz", incoming.id(), body.as_bytes());
                request.expect("a key");
            }
        }
        Err(error) => assert_silent(input, &error),
    }
});

fn message(body: &str) -> ReceivedMessage {
    ReceivedMessage {
        id: MessageId::from_stored("m-1"),
        receipt: ReceiptHandle::from_stored("r-1"),
        body: body.to_owned(),
        attributes: Default::default(),
        group: None,
        deduplication_id: None,
        sent_at: Timestamp::UNIX_EPOCH,
        first_received_at: Timestamp::UNIX_EPOCH,
        receive_count: 1,
        moved_by_policy: false,
        dead_letter_source: None,
    }
}
