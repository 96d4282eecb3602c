//! What events are stored as, and read back from.

use es_core::{Codec, Compression, DecodeError, EncodedEvent, EncodedEvents, Event, Payload};
use proptest::prelude::*;

use super::{json, payload_error, read, stored};

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Line {
    item: String,
    quantity: u32,
}

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Order")]
enum OrderEvent {
    Placed { customer: String, lines: Vec<Line> },
    Added(Line),
    Discounted(Option<f64>),
    Emptied {},
    Shipped,
}

fn line() -> Line {
    Line { item: "tea".into(), quantity: 2 }
}

fn all() -> [OrderEvent; 5] {
    [
        OrderEvent::Placed { customer: "Ada".into(), lines: vec![line()] },
        OrderEvent::Added(line()),
        OrderEvent::Discounted(None),
        OrderEvent::Emptied {},
        OrderEvent::Shipped,
    ]
}

#[test]
fn a_stored_name_is_prefix_and_variant() {
    let names = all().map(|event| event.name());
    assert_eq!(
        names,
        ["Order:Placed", "Order:Added", "Order:Discounted", "Order:Emptied", "Order:Shipped"]
    );
    assert_eq!(all().map(|event| event.schema_version()), [1; 5]);
}

#[test]
fn schemas_list_the_names_in_order() {
    let names = OrderEvent::SCHEMAS.iter().map(|schema| schema.name);
    assert!(names.eq(all().iter().map(Event::name)));
    assert!(OrderEvent::SCHEMAS.iter().all(|schema| schema.version == 1));
}

#[test]
fn a_payload_is_the_content_of_the_variant() {
    assert_eq!(
        all().map(|event| json(&event)),
        [
            r#"{"customer":"Ada","lines":[{"item":"tea","quantity":2}]}"#,
            r#"{"item":"tea","quantity":2}"#,
            "null",
            "{}",
            "{}",
        ]
    );
    assert_eq!(
        all().map(|event| stored(&event, Codec::Postcard)),
        [b"\x03Ada\x01\x03tea\x02".to_vec(), b"\x03tea\x02".to_vec(), vec![0], vec![], vec![]]
    );
}

#[test]
fn payloads_are_read_back_in_every_encoding() {
    for codec in [Codec::Json, Codec::Postcard] {
        for compression in [Compression::None, Compression::Zstd] {
            let stored = EncodedEvents::encode(&all(), codec, compression, 0).unwrap();
            let read: Vec<_> =
                stored.open().unwrap().iter().map(OrderEvent::decode).map(Result::unwrap).collect();
            assert_eq!(read, all());
        }
    }
}

proptest! {
    #[test]
    fn any_content_is_read_back(customer: String, item: String, quantity: u32, off: Option<i32>) {
        let line = Line { item, quantity };
        let events = [
            OrderEvent::Placed { customer, lines: vec![line.clone(), line.clone()] },
            OrderEvent::Added(line),
            OrderEvent::Discounted(off.map(f64::from)),
        ];
        for codec in [Codec::Json, Codec::Postcard] {
            let stored = EncodedEvents::encode(&events, codec, Compression::None, 0).unwrap();
            let stored = stored.open().unwrap();
            for (stored, event) in stored.iter().zip(&events) {
                prop_assert_eq!(&OrderEvent::decode(stored).unwrap(), event);
            }
        }
    }
}

#[test]
fn a_unit_reads_a_payload_that_later_versions_added_fields_to() {
    let shipped = read::<OrderEvent>("Order:Shipped", 1, r#"{"carrier":"DHL"}"#).unwrap();
    assert_eq!(shipped, OrderEvent::Shipped);
}

#[test]
fn fields_with_a_default_can_be_added_to_a_unit() {
    #[derive(Debug, PartialEq, Event)]
    #[event(prefix = "Order")]
    enum Later {
        Shipped {
            #[serde(default)]
            carrier: Option<String>,
        },
    }
    let shipped: Later = read("Order:Shipped", 1, &json(&OrderEvent::Shipped)).unwrap();
    assert_eq!(shipped, Later::Shipped { carrier: None });
}

#[test]
fn a_truncated_payload_is_an_error_of_the_payload() {
    for event in all() {
        let json = json(&event);
        for len in 0..json.len() {
            payload_error::<OrderEvent>(event.name(), 1, &json[..len]);
        }
        let postcard = stored(&event, Codec::Postcard);
        for len in 0..postcard.len() {
            let payload = Payload::Postcard(&postcard[..len]);
            let stored = EncodedEvent { name: event.name(), schema_version: 1, payload };
            let error = OrderEvent::decode(stored).unwrap_err();
            assert!(matches!(error, DecodeError::Payload(_)), "{error:?}");
        }
    }
}

#[test]
fn an_error_of_the_payload_says_what_was_expected() {
    let missing = payload_error::<OrderEvent>("Order:Placed", 1, r#"{"customer":"Ada"}"#);
    assert!(missing.contains("missing field `lines`"), "{missing}");
    let other = payload_error::<OrderEvent>("Order:Placed", 1, "5");
    assert!(other.contains("expected the payload of Order:Placed 1"), "{other}");
}
