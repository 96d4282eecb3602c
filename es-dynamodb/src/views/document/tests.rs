use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::*;
use crate::item::number;

fn view() -> ViewName {
    ViewName::new("v").expect("a valid name")
}

fn item_of(json: &str) -> Item {
    let document = Document::of_json(&view(), "k", json);
    let document = document.unwrap_or_else(|error| panic!("{json} is refused: {error}"));
    let item = document.to_item(&view(), "k", Item::new());
    item.unwrap_or_else(|error| panic!("{json} is refused: {error}"))
}

/// The item as DynamoDB gives it back, which is strict about what it takes.
fn kept(item: Item) -> Item {
    item.into_iter().map(|(name, value)| (name, kept_value(value, 32))).collect()
}

fn kept_value(value: AttributeValue, levels: usize) -> AttributeValue {
    assert!(levels > 0, "a value is nested too deeply");
    match value {
        AttributeValue::N(digits) => {
            let valid = dynoxide::types::validate_dynamo_number(&digits);
            assert!(valid.is_ok(), "{digits} is no number of DynamoDB");
            number(dynoxide::types::normalize_dynamo_number(&digits))
        }
        AttributeValue::L(values) => {
            let kept = values.into_iter().map(|value| kept_value(value, levels - 1));
            AttributeValue::L(kept.collect())
        }
        AttributeValue::M(fields) => {
            assert!(!fields.contains_key(""), "a name is empty");
            let kept =
                fields.into_iter().map(|(name, value)| (name, kept_value(value, levels - 1)));
            AttributeValue::M(kept.collect())
        }
        other => other,
    }
}

fn assert_comes_back(json: &str) -> Item {
    let item = item_of(json);
    assert_eq!(text_of(kept(item.clone())).as_deref(), Ok(json));
    item
}

fn names(item: &Item) -> Vec<&str> {
    let mut names: Vec<&str> = item.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// JSON as people and programs write it: with spaces, escapes, doubles and numbers of every notation.
fn any_json() -> impl Strategy<Value = String> {
    let space = || prop_oneof![6 => Just(""), 1 => Just(" "), 1 => Just("\n\t")];
    let string = || {
        prop_oneof![
            "[a-c]{0,2}".prop_map(|text| format!("\"{text}\"")),
            any::<String>().prop_map(|text| Value::from(text).to_string()),
            Just(r#""\u0061\ud83e\udd80\/""#.to_owned()),
            Just(r#""es_text""#.to_owned()),
        ]
    };
    let number = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| Value::from(number).to_string()),
        "-?(0|[1-9][0-9]{0,45})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,3})?",
    ];
    let leaf = prop_oneof![
        string(),
        number,
        prop_oneof![Just("true"), Just("false"), Just("null")].prop_map(str::to_owned)
    ];
    let inner = leaf.prop_recursive(5, 60, 5, move |inner| {
        let elements = prop::collection::vec((space(), inner.clone()), 0..5);
        let fields = prop::collection::vec((string(), space(), inner), 0..5);
        let array = elements.prop_map(|elements| {
            let elements: Vec<String> =
                elements.iter().map(|(space, element)| format!("{space}{element}")).collect();
            format!("[{}]", elements.join(","))
        });
        let object = fields.prop_map(|fields| {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, space, value)| format!("{name}:{space}{value}"))
                .collect();
            format!("{{{}}}", fields.join(","))
        });
        prop_oneof![1 => array, 3 => object]
    });
    (space(), inner, space()).prop_map(|(before, json, after)| format!("{before}{json}{after}"))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    state: String,
    customer: Option<Customer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<u64>,
    lines: Vec<Line>,
    by_kind: BTreeMap<String, i32>,
    urgent: bool,
    notes: (String, i64),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Customer {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Line {
    Tablets {
        number: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        discount: Option<i8>,
        strength: u64,
    },
    Hint {
        text: String,
    },
}

fn any_order() -> impl Strategy<Value = Order> {
    let customer =
        (any::<String>(), any::<Option<String>>()).prop_map(|(name, mail)| Customer { name, mail });
    let line = prop_oneof![
        (any::<u32>(), any::<Option<i8>>(), any::<u64>())
            .prop_map(|(number, discount, strength)| Line::Tablets { number, discount, strength }),
        any::<String>().prop_map(|text| Line::Hint { text }),
    ];
    let by_kind = prop::collection::btree_map("[a-z]{1,5}", any::<i32>(), 0..4);
    (
        any::<String>(),
        prop::option::of(customer),
        any::<Option<u64>>(),
        prop::collection::vec(line, 0..5),
        by_kind,
        any::<bool>(),
        any::<(String, i64)>(),
    )
        .prop_map(|(state, customer, paid_at, lines, by_kind, urgent, notes)| Order {
            state,
            customer,
            paid_at,
            lines,
            by_kind,
            urgent,
            notes,
        })
}

proptest! {
    #[test]
    fn any_json_comes_back_byte_for_byte(json in any_json()) {
        assert_comes_back(&json);
    }

    #[test]
    fn structs_are_kept_as_attributes_only(order in any_order()) {
        let json = serde_json::to_string(&order).expect("an order is JSON");
        let item = assert_comes_back(&json);
        prop_assert!(!item.contains_key(TEXT), "{} is kept as text", json);
        // Nothing is different from what a program would have written by itself.
        let mut fields = kept(item);
        fields.retain(|name, _| !name.starts_with(OWN));
        let expected: Item = serde_dynamo::to_item(&order).expect("an order is an item");
        prop_assert_eq!(&fields, &kept(expected));
    }

    #[test]
    fn other_programs_read_a_document_by_its_attributes(order in any_order()) {
        let json = serde_json::to_string(&order).expect("an order is JSON");
        let read: Order = serde_dynamo::from_item(kept(item_of(&json))).expect("an order");
        prop_assert_eq!(read, order);
    }
}

#[test]
fn sorted_fields_are_kept_without_anything_else() {
    let item = assert_comes_back(r#"{"a":{"b":[1,-2.5,{}],"c":""},"d":null,"e":[true]}"#);
    assert_eq!(names(&item), ["a", "d", "e", HASH]);
    assert_eq!(names(&assert_comes_back("{}")), [HASH]);
    let digits = "12345678901234567890123456789012345678";
    assert_eq!(names(&assert_comes_back(&format!("{{\"a\":-{digits}}}"))), ["a", HASH]);
}

#[test]
fn another_order_of_fields_is_noted() {
    let item = assert_comes_back(r#"{"z":1,"a":[{"y":1,"x":2},{"y":3},{"x":4}]}"#);
    assert_eq!(names(&item), ["a", HASH, LAYOUT, "z"]);
}

#[test]
fn what_attributes_cannot_say_is_kept_as_text_beside_them() {
    for json in [
        r#"{"a":1.0}"#,
        r#"{"a":1e3}"#,
        r#"{"a":-0}"#,
        r#"{"a":0.00000000000000000000000000000000000000001}"#,
        r#"{"a":"\u0061"}"#,
        r#"{"a":"\/"}"#,
        r#"{ "a":1}"#,
        "{\"a\":1}\n",
        r#"{"a":1,"a":2}"#,
        r#"{"a":[{"x":1,"y":1},{"y":1,"x":1}]}"#,
        r#"{"a":1,"":1}"#,
        r#"{"a":1,"es_a":1}"#,
        r#"{"a":1,"b":1e300}"#,
        r#"{"a":1,"b":{"":1}}"#,
        r#"{"a":1,"b":123456789012345678901234567890123456789}"#,
    ] {
        assert_eq!(names(&assert_comes_back(json)), ["a", HASH, TEXT], "{json}");
    }
}

#[test]
fn of_two_fields_of_one_name_the_last_counts() {
    let item = assert_comes_back(r#"{"a":1,"b":1,"a":2,"b":1e300}"#);
    assert_eq!(item.get("a"), Some(&number(2)));
    assert_eq!(item.get("b"), None);
}

#[test]
fn a_document_that_is_no_object_is_kept_as_text() {
    for json in ["null", "1", "[]", "\"a\"", "[{\"a\":1}]", "true"] {
        assert_eq!(names(&assert_comes_back(json)), [HASH, TEXT], "{json}");
    }
}

#[test]
fn attributes_are_as_deep_as_dynamodb_allows() {
    let nested = |levels| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(names(&assert_comes_back(&nested(31))), ["a", HASH]);
    assert_eq!(names(&assert_comes_back(&nested(32))), [HASH, TEXT]);
    assert_eq!(names(&assert_comes_back(&nested(5_000))), [HASH, TEXT]);
}

#[test]
fn what_is_no_json_is_refused() {
    for text in ["", "{", "a", "{\"a\":1,}", "1 2", "\"\\ud800\"", "{\"a\":\"\\ud800\"}", "{'a':1}"]
    {
        let refused = Document::of_json(&view(), "k", text);
        assert!(matches!(refused, Err(Error::Encode { .. })), "{text:?}: {refused:?}");
    }
}

/// The item's size without what the document `{"a":"…"}` has of its own.
const OWN_SIZE: usize = "a".len() + HASH.len() + HASH_LEN;

#[test]
fn a_document_has_the_size_of_an_item_and_not_a_byte_more() {
    let longest = MAX_ITEM_SIZE - OWN_SIZE;
    let item = assert_comes_back(&format!("{{\"a\":\"{}\"}}", "x".repeat(longest)));
    assert_eq!(item_size(&item), MAX_ITEM_SIZE);
    // As text it would be larger: there is nothing left to try.
    let json = format!("{{\"a\":\"{}\"}}", "x".repeat(longest + 1));
    let document = Document::of_json(&view(), "k", &json).expect("it is JSON");
    let error = document.to_item(&view(), "k", Item::new()).expect_err("it is too large");
    assert!(matches!(error, Error::Encode { .. }), "{error:?}");
    let said = error.with_causes();
    for part in ["\"k\"", "view v", "409600", &(OWN_SIZE + json.len() + TEXT.len() - 1).to_string()]
    {
        assert!(said.contains(part), "{said} does not say {part}");
    }
}

#[test]
fn a_document_that_is_too_large_both_ways_is_kept_as_text() {
    let json = format!("{{ \"a\":\"{}\"}}", "x".repeat(200_000));
    assert_eq!(names(&assert_comes_back(&json)), ["a", HASH, TEXT]);
    let json = format!("{{ \"a\":\"{}\"}}", "x".repeat(300_000));
    assert_eq!(names(&assert_comes_back(&json)), [HASH, TEXT]);
    // Numbers of one digit take more as attributes than as text.
    let json = format!("{{\"a\":[{}1]}}", "1,".repeat(180_000));
    assert_eq!(names(&assert_comes_back(&json)), [HASH, TEXT]);
}

#[test]
fn a_document_that_was_changed_from_outside_is_damaged() {
    let mut item = item_of(r#"{"a":1}"#);
    item.insert("a".to_owned(), number(2));
    assert!(text_of(item).is_err());
    let mut item = item_of("1");
    item.insert(TEXT.to_owned(), text("2"));
    assert!(text_of(item).is_err());
    assert!(text_of(Item::new()).is_err());
}

#[test]
fn a_number_comes_back_in_whatever_notation_the_server_gives_it() {
    let json = r#"{"a":0.0000001,"b":12.5,"c":1200}"#;
    let mut item = item_of(json);
    assert!(!item.contains_key(TEXT), "the text is not needed");
    for (name, notation) in [("a", "1E-7"), ("b", "12.50"), ("c", "1.2E+3")] {
        item.insert(name.to_owned(), number(notation));
    }
    assert_eq!(text_of(item).as_deref(), Ok(json));
}
