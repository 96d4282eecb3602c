//! The cases of the table in the documentation of the module.

use prost::Message as _;

use super::*;
use crate::aggregation::CorruptAggregate;
use crate::aggregation::message::{AggregatedRecord, Record};
use crate::hash_key;

/// A sound message: two records, the first with an explicit hash key.
fn message() -> AggregatedRecord {
    AggregatedRecord {
        partition_key_table: vec!["d-1".into(), "d-2".into()],
        explicit_hash_key_table: vec!["42".into()],
        records: vec![
            Record {
                partition_key_index: Some(0),
                explicit_hash_key_index: Some(0),
                data: Some("started".into()),
            },
            Record {
                partition_key_index: Some(1),
                explicit_hash_key_index: None,
                data: Some("ended".into()),
            },
        ],
    }
}

/// The sound message with some damage, and a digest that is right.
fn damaged(damage: impl FnOnce(&mut AggregatedRecord)) -> Bytes {
    let mut message = message();
    damage(&mut message);
    sealed(&message.encode_to_vec())
}

/// The sound message, and these bytes behind it.
fn with_field(field: &[u8]) -> Bytes {
    sealed(&[&message().encode_to_vec(), field].concat())
}

fn records() -> Vec<UserRecord> {
    vec![record("d-1", Some(42), b"started"), record("d-2", None, b"ended")]
}

#[test]
fn the_message_that_is_damaged_below_is_sound() {
    assert_eq!(deaggregate(damaged(|_| {})), Ok(Deaggregated::Aggregate(records())));
    assert_eq!(aggregated(&records()), damaged(|_| {}));
}

#[test]
fn data_without_the_magic_bytes_is_plain() {
    for data in [&b""[..], b"{}", b"\xf3\x89\x9a", b"\xf3\x89\x9a\xc3 and more than a digest"] {
        assert_plain(Bytes::from_static(data));
    }
}

#[test]
fn the_magic_bytes_without_a_message_are_plain() {
    assert_plain(Bytes::from_static(&MAGIC));
    assert_plain([&MAGIC[..], &[0; 15]].concat().into());
    assert_plain(sealed(b""));
    assert_plain(RecordAggregator::new().finish());
}

#[test]
fn an_aggregate_cut_off_anywhere_is_plain() {
    let whole = aggregated(&records());
    for len in 0..whole.len() {
        assert_plain(whole.slice(..len));
    }
}

#[test]
fn an_aggregate_with_any_bit_flipped_is_plain() {
    let whole = aggregated(&records());
    for bit in 0..8 * whole.len() {
        let mut flipped = whole.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_plain(flipped.into());
    }
}

#[test]
fn a_right_digest_of_what_is_no_message_is_plain() {
    let group_without_end = b"\x23";
    let length_over_the_end = b"\x1a\xff\xff\xff\xff\x0f";
    let field_zero = b"\x00\x00";
    let endless_number = [0xff; 11];
    let deep_groups = [0x23; 10_000];
    let fields: [&[u8]; 5] =
        [group_without_end, length_over_the_end, field_zero, &endless_number, &deep_groups];
    for field in fields {
        assert_plain(with_field(field));
    }
}

#[test]
fn a_field_of_another_type_makes_an_aggregate_plain() {
    let records_as_a_number = b"\x18\x01";
    assert_plain(with_field(records_as_a_number));
}

#[test]
fn a_record_that_lacks_what_is_required_makes_an_aggregate_plain() {
    assert_plain(damaged(|message| message.records[1].data = None));
    assert_plain(damaged(|message| message.records[1].partition_key_index = None));
    // Even where another record alone would be corrupt: what is no message has no records.
    assert_plain(damaged(|message| {
        message.records[0].partition_key_index = Some(9);
        message.records[1].data = None;
    }));
}

#[test]
fn unknown_fields_and_tags_are_skipped() {
    let unknown_field = b"\x22\x03new";
    assert_eq!(deaggregate(with_field(unknown_field)), Ok(Deaggregated::Aggregate(records())));

    let tagged = b"\x08\x00\x1a\x07started\x22\x08\x0a\x01k\x12\x03tag";
    let data = sealed(&[b"\x0a\x03d-1\x1a\x15".as_slice(), tagged].concat());
    let untagged = vec![record("d-1", None, b"started")];
    assert_eq!(deaggregate(data), Ok(Deaggregated::Aggregate(untagged)));
}

#[test]
fn the_tables_may_come_behind_the_records() {
    let data = sealed(b"\x1a\x0b\x08\x00\x1a\x07started\x0a\x03d-1");
    let records = vec![record("d-1", None, b"started")];
    assert_eq!(deaggregate(data), Ok(Deaggregated::Aggregate(records)));
}

#[test]
fn a_message_without_records_has_none() {
    let data = damaged(|message| message.records.clear());
    assert_eq!(deaggregate(data), Ok(Deaggregated::Aggregate(vec![])));
}

#[test]
fn a_partition_key_outside_the_table_is_corrupt() {
    for index in [2, 1 << 32, u64::MAX] {
        let data = damaged(|message| message.records[1].partition_key_index = Some(index));
        let error = CorruptAggregate::NoPartitionKey { record: 1, index, keys: 2 };
        assert_eq!(deaggregate(data), Err(error));
    }
}

#[test]
fn an_explicit_hash_key_outside_the_table_is_corrupt() {
    for index in [1, 1 << 32, u64::MAX] {
        let data = damaged(|message| message.records[1].explicit_hash_key_index = Some(index));
        let error = CorruptAggregate::NoExplicitHashKey { record: 1, index, keys: 1 };
        assert_eq!(deaggregate(data), Err(error));
    }
}

#[test]
fn an_explicit_hash_key_that_is_no_hash_key_is_corrupt() {
    let two_to_the_128 = b"340282366920938463463374607431768211456";
    let keys: [&[u8]; 7] = [b"", b"-1", b"+1", b"forty-two", b"\xff", two_to_the_128, &[b'0'; 40]];
    for key in keys {
        let key = Bytes::copy_from_slice(key);
        let data = damaged(|message| message.explicit_hash_key_table = vec![key]);
        let error = CorruptAggregate::InvalidExplicitHashKey { record: 0 };
        assert_eq!(deaggregate(data), Err(error));
    }
}

#[test]
fn an_explicit_hash_key_that_no_record_has_may_be_anything() {
    let data = damaged(|message| message.explicit_hash_key_table.push("forty-two".into()));
    assert_eq!(deaggregate(data), Ok(Deaggregated::Aggregate(records())));
}

#[test]
fn a_partition_key_that_is_not_text_is_corrupt() {
    let key = Bytes::from_static(b"d-\xff");
    let data = damaged(|message| message.partition_key_table[1] = key);
    assert_eq!(deaggregate(data), Err(CorruptAggregate::PartitionKeyNotText { key: 1 }));
}

#[test]
fn keys_and_data_are_parts_of_the_aggregate_and_not_copies() {
    let data = aggregated(&records());
    let memory = data.as_ptr_range();
    let Ok(Deaggregated::Aggregate(records)) = deaggregate(data.clone()) else {
        panic!("it is an aggregate");
    };
    for record in records {
        for part in [record.partition_key.as_bytes(), &record.data] {
            assert!(memory.contains(&part.as_ptr()));
        }
    }
}

#[test]
fn a_record_belongs_under_its_explicit_hash_key_or_else_under_that_of_its_partition_key() {
    assert_eq!(record("d-1", Some(42), b"").hash_key(), 42);
    assert_eq!(record("d-1", None, b"").hash_key(), hash_key::of("d-1"));
}
