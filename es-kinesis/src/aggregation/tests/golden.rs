//! Aggregates that `aws_kinesis_agg` 1.2.3 from PyPI wrote, the implementation that AWS publishes for
//! Python. Each is what `get_contents()` returned, after the calls of `add_user_record` beside it:
//!
//! ```python
//! from aws_kinesis_agg.aggregator import RecordAggregator
//! aggregator = RecordAggregator()
//! aggregator.add_user_record(partition_key, data, explicit_hash_key)  # for each
//! partition_key, explicit_hash_key, aggregate = aggregator.clear_and_get().get_contents()
//! ```
//!
//! Ours are the same bytes, and its `deaggregator` takes them apart as they were put together. In the
//! last it does so but for one thing: it shows the first explicit hash key for a record that has none,
//! where the KCL shows none.

use super::*;

/// `("d-1", b"started"), ("d-2", b"started"), ("d-1", b"ended")`
const SHARED_KEYS: &[u8] = b"\xf3\x89\x9a\xc2\
    \x0a\x03d-1\x0a\x03d-2\
    \x1a\x0b\x08\x00\x1a\x07started\
    \x1a\x0b\x08\x01\x1a\x07started\
    \x1a\x09\x08\x00\x1a\x05ended\
    \x9d\x18\xf41|\n\xf4\x888\xb0\x08M\xaf\xb5\xca\x18";

/// `("d-1", b"a", "0"), ("d-2", b"", "340282366920938463463374607431768211455"), ("d-3", b"\x00\xff", "0")`
const EXPLICIT_HASH_KEYS: &[u8] = b"\xf3\x89\x9a\xc2\
    \x0a\x03d-1\x0a\x03d-2\x0a\x03d-3\
    \x12\x010\x12'340282366920938463463374607431768211455\
    \x1a\x07\x08\x00\x10\x00\x1a\x01a\
    \x1a\x06\x08\x01\x10\x01\x1a\x00\
    \x1a\x08\x08\x02\x10\x00\x1a\x02\x00\xff\
    \xe3CR\xfbL\xff\xc3\xa0\xfd\xa6\xe1\x7f\x8fU\xc9K";

/// `("Łódź", b"plain"), ("Łódź", b"explicit", "42")`
const SOME_EXPLICIT_HASH_KEYS: &[u8] = b"\xf3\x89\x9a\xc2\
    \x0a\x07\xc5\x81\xc3\xb3d\xc5\xba\
    \x12\x0242\
    \x1a\x09\x08\x00\x1a\x05plain\
    \x1a\x0e\x08\x00\x10\x00\x1a\x08explicit\
    \x8aq\x82{p\xd1\xb8\x0c\xfe\x10[\xb7\xe9\xab\x8a\xc4";

fn vectors() -> [(Vec<UserRecord>, &'static [u8]); 3] {
    let shared_keys = vec![
        record("d-1", None, b"started"),
        record("d-2", None, b"started"),
        record("d-1", None, b"ended"),
    ];
    let explicit_hash_keys = vec![
        record("d-1", Some(0), b"a"),
        record("d-2", Some(u128::MAX), b""),
        record("d-3", Some(0), b"\x00\xff"),
    ];
    let some_explicit_hash_keys =
        vec![record("Łódź", None, b"plain"), record("Łódź", Some(42), b"explicit")];
    [
        (shared_keys, SHARED_KEYS),
        (explicit_hash_keys, EXPLICIT_HASH_KEYS),
        (some_explicit_hash_keys, SOME_EXPLICIT_HASH_KEYS),
    ]
}

#[test]
fn an_aggregate_that_the_implementation_of_aws_wrote_is_taken_apart() {
    for (records, theirs) in vectors() {
        let theirs = Bytes::from_static(theirs);
        assert_eq!(deaggregate(theirs), Ok(Deaggregated::Aggregate(records)));
    }
}

#[test]
fn an_aggregate_is_byte_for_byte_what_the_implementation_of_aws_writes() {
    for (records, theirs) in vectors() {
        assert_eq!(aggregated(&records), theirs);
    }
}
