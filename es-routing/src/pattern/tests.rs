//! How much is looked at, counted.

use serde_json::{Map, Value, json};

use super::presence::Compared;
use super::{EventPattern, PatternFault};

fn pattern(pattern: &Value) -> EventPattern {
    pattern.to_string().parse().expect("a pattern")
}

/// What is decided, and in how many steps.
fn decided(pattern: &EventPattern, event: &Value) -> (bool, usize) {
    let compared = Compared::new(event, &pattern.absences);
    let matches = pattern.match_compared(&compared).expect("a decision");
    (matches, compared.taken())
}

/// How many conditions the pattern has, written out, with the objects on the way to them.
fn size_of(pattern: &EventPattern) -> usize {
    pattern.alternatives.iter().map(super::Fields::conditions).sum()
}

/// How many values an event has, objects and lists among them.
fn values_of(event: &Value) -> usize {
    1 + match event {
        Value::Object(object) => object.values().map(values_of).sum(),
        Value::Array(elements) => elements.iter().map(values_of).sum(),
        _ => 0,
    }
}

/// Events of a size that are made to be looked through again and again.
type Hostile = (&'static str, fn() -> Value, fn(usize) -> Value);

fn nested(depth: usize, inner: Value) -> Value {
    (0..depth).fold(inner, |inner, _| json!([inner]))
}

/// Elements without the field, and one with it at the end: whoever is asked whether it is there looks at all.
fn last_has_it(count: usize, name: &str) -> Vec<Value> {
    let mut elements = vec![json!({ "other": 1 }); count];
    elements.push(json!({ name: 1 }));
    elements
}

const HOSTILE: &[Hostile] = &[
    (
        "a field that only the last element has",
        || json!({ "list": { "x": [{ "exists": false }] } }),
        |n| json!({ "list": last_has_it(n, "x") }),
    ),
    (
        "many such fields",
        || {
            let field = |n: usize| (format!("f{n}"), json!([{ "exists": false }, 5]));
            let fields: Map<_, _> = (0..100).map(field).collect();
            json!({ "list": fields })
        },
        |n| {
            let mut elements = last_has_it(n, "f99");
            elements.push(json!({ "f0": 1 }));
            json!({ "list": elements })
        },
    ),
    (
        "such fields in many alternatives",
        || {
            let choice = |n: u32| json!({ "other": [n], "x": [{ "exists": false }] });
            json!({ "list": { "$or": (2..60).map(choice).collect::<Vec<_>>() } })
        },
        |n| json!({ "list": last_has_it(n, "x") }),
    ),
    (
        "lists in lists",
        || json!({ "a": { "b": { "c": [{ "exists": false }] } } }),
        |n| {
            let inner = json!({ "b": nested(20, Value::Array(last_has_it(n / 10, "c"))) });
            let mut elements = vec![json!({ "b": [{ "other": 1 }, {}] }); n];
            elements.push(nested(20, inner));
            json!({ "a": elements })
        },
    ),
    (
        "a list of values that none of the conditions takes",
        || json!({ "x": [{ "exists": false }, { "prefix": "a" }, { "anything-but": [1, 2, 3] }, { "cidr": "10.0.0.0/8" }] }),
        |n| json!({ "x": nested(10, json!(vec![1; n])) }),
    ),
    (
        "objects of many names, beside many objects that are looked for",
        || {
            let field = |n: usize| (format!("f{n}"), json!({ "x": [{ "exists": false }] }));
            Value::Object((0..100).map(field).collect())
        },
        |n| Value::Object((0..n).map(|n| (format!("g{n}"), json!(n))).collect()),
    ),
];

#[test]
fn each_condition_is_compared_with_each_value_a_few_times_at_most() {
    for (what, hostile_pattern, event) in HOSTILE {
        let pattern = pattern(&hostile_pattern());
        for count in [10, 100, 1_000] {
            let event = event(count);
            let (_, steps) = decided(&pattern, &event);
            let bound = 4 * size_of(&pattern) * values_of(&event);
            assert!(steps <= bound, "{what}: {steps} steps for {count}, over {bound}");
        }
    }
}

#[test]
fn an_event_of_twice_the_size_takes_twice_the_steps() {
    for (what, hostile_pattern, event) in HOSTILE {
        let pattern = pattern(&hostile_pattern());
        let [once, twice] = [2_000, 4_000].map(|count| decided(&pattern, &event(count)).1);
        assert!(once > 2_000, "{what}: the event is looked at: {once}");
        assert!(twice <= 2 * once + once / 10, "{what}: {once} steps become {twice}");
    }
}

#[test]
fn what_is_absent_is_absent_in_the_whole_event_however_often_it_is_asked() {
    let pattern = pattern(&json!({ "list": { "other": [1], "x": [{ "exists": false }] } }));
    assert!(!decided(&pattern, &json!({ "list": last_has_it(5, "x") })).0);
    assert!(decided(&pattern, &json!({ "list": last_has_it(5, "y") })).0);
    // One compiled pattern remembers nothing of an event for the next.
    assert!(!decided(&pattern, &json!({ "list": last_has_it(5, "x") })).0);
}

#[test]
fn a_pattern_is_refused_before_too_many_conditions_are_written_out() {
    let choice = |n: u32| json!({ "f": [n] });
    let alternatives: Vec<_> = (0..30).map(choice).collect();
    let with_fields = |count: usize| {
        let mut fields: Map<_, _> = (0..count).map(|n| (format!("f{n}"), json!([1]))).collect();
        fields.insert("$or".to_owned(), json!(alternatives));
        Value::Object(fields).to_string().parse::<EventPattern>()
    };
    assert_eq!(with_fields(300).expect("a pattern").alternatives.len(), 30);
    let refused = with_fields(340).expect_err("too many");
    assert_eq!(refused.fault, PatternFault::TooManyConditions);
}
