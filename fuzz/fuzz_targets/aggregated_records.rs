//! Aggregated Kinesis records: what is taken apart is put together and read as the same, what is no
//! aggregate stays as it was, and errors do not say what the records say.

#![no_main]

use bytes::Bytes;
use es_fuzz::aggregation::{Deaggregated, RecordAggregator, UserRecord, deaggregate};
use es_fuzz::{assert_silent, within};
use libfuzzer_sys::fuzz_target;
use md5::{Digest as _, Md5};

const MAGIC: &[u8] = b"\xf3\x89\x9a\xc2";

// The input is the message in an aggregate, because nobody finds its digest by trying; one that begins as
// an aggregate does is a whole record.
fuzz_target!(|input: &[u8]| {
    let data: Bytes = if input.starts_with(MAGIC) {
        Bytes::copy_from_slice(input)
    } else {
        [MAGIC, input, &Md5::digest(input)].concat().into()
    };
    // What its documentation promises, and what a vector takes at least.
    let memory = 100 * data.len() + 1024;
    match within(memory, || deaggregate(data.clone())) {
        Ok(Deaggregated::Plain(same)) => assert_eq!(same, data),
        Ok(Deaggregated::Aggregate(records)) => assert_same_again(records),
        Err(error) => assert_silent(input, &error),
    }
});

fn assert_same_again(records: Vec<UserRecord>) {
    let mut aggregator = RecordAggregator::new();
    for record in &records {
        let foretold = aggregator.encoded_len_with(record);
        aggregator.add(record);
        assert_eq!(aggregator.encoded_len(), foretold);
    }
    let foretold = aggregator.encoded_len();
    let again = aggregator.finish();
    assert_eq!(again.len(), foretold);
    // An aggregate without records is written without a message.
    if !records.is_empty() {
        assert_eq!(deaggregate(again), Ok(Deaggregated::Aggregate(records)));
    }
}
