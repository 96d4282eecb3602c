use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Of few keys, so that they are shared, or of many, so that there are indices of two bytes.
fn records() -> impl Strategy<Value = Vec<UserRecord>> {
    prop_oneof![vec(any_record(0..4), 0..20), vec(any_record(0..1000), 150..400)]
}

prop_compose! {
    fn any_record(keys: std::ops::Range<u32>)(
        key in keys.clone(),
        suffix in prop_oneof![20 => Just(String::new()), 1 => ".{0,256}"],
        explicit_hash_key in prop_oneof![
            2 => Just(None),
            2 => keys.prop_map(|key| Some(u128::from(key))),
            1 => any::<u128>().prop_map(Some),
        ],
        // Beyond 127 bytes a length takes two, beyond 16,383 three.
        data in prop_oneof![20 => vec(any::<u8>(), 0..200), 1 => (16_300..16_500usize).prop_map(|len| vec![0; len])],
    ) -> UserRecord {
        record(&format!("{key}{suffix}"), explicit_hash_key, &data)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_aggregated_is_taken_apart_as_it_was(records in records()) {
        prop_assume!(!records.is_empty());
        prop_assert_eq!(deaggregate(aggregated(&records)), Ok(Deaggregated::Aggregate(records)));
    }

    #[test]
    fn the_length_is_known_to_the_byte_before_a_record_is_added(records in records()) {
        let mut aggregator = RecordAggregator::new();
        for record in &records {
            let foretold = aggregator.encoded_len_with(record);
            aggregator.add(record);
            prop_assert_eq!(aggregator.encoded_len(), foretold);
        }
        prop_assert_eq!(aggregator.count(), records.len());
        let foretold = aggregator.encoded_len();
        prop_assert_eq!(aggregator.finish().len(), foretold);
    }

    /// Nearly always plain; what matters is that there is an answer.
    #[test]
    fn any_message_has_an_answer(message in vec(any::<u8>(), 0..200)) {
        let data = sealed(&message);
        match deaggregate(data.clone()) {
            Ok(Deaggregated::Plain(same)) => prop_assert_eq!(same, data),
            Ok(Deaggregated::Aggregate(_)) | Err(_) => {}
        }
    }

    /// Changed at a place, and sealed again: some are other records, some corrupt, some no message.
    #[test]
    fn a_sound_message_with_any_change_has_an_answer(
        records in vec(any_record(0..4), 1..10),
        at in any::<prop::sample::Index>(),
        replacement in vec(any::<u8>(), 0..4),
    ) {
        let whole = aggregated(&records);
        let mut message = whole[MAGIC.len()..whole.len() - 16].to_vec();
        let at = at.index(message.len());
        let end = message.len().min(at + 1);
        message.splice(at..end, replacement);
        let data = sealed(&message);
        match deaggregate(data.clone()) {
            Ok(Deaggregated::Plain(same)) => prop_assert_eq!(same, data),
            Ok(Deaggregated::Aggregate(records)) => {
                prop_assume!(!records.is_empty());
                let again = deaggregate(aggregated(&records));
                prop_assert_eq!(again, Ok(Deaggregated::Aggregate(records)));
            }
            Err(_) => {}
        }
    }
}
