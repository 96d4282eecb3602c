//! Conditions against what they mean, written down plainly.

use es_routing::EventPattern;
use proptest::prelude::*;
use serde_json::{Value, json};

fn texts() -> impl Strategy<Value = String> {
    "[aAbBé*\\\\.]{0,5}"
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => texts().prop_map(Value::from),
        2 => (-50_i32..50).prop_map(|tenths| json!(f64::from(tenths) / 10.0)),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

fn matches(condition: &Value, event: &Value) -> bool {
    let pattern = json!({ "field": [condition] }).to_string();
    let pattern: EventPattern = pattern.parse().expect("a pattern");
    pattern.matches(event).expect("a decision")
}

/// The one condition on the one value.
fn holds(condition: &Value, value: &Value) -> bool {
    matches(condition, &json!({ "field": value }))
}

/// The values of a field, of lists in lists, too.
fn flat(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().flat_map(flat).collect(),
        value => vec![value],
    }
}

/// Whether the text has this form, tried in every way that there is.
fn has_form(text: &[char], form: &[char]) -> bool {
    match form.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|from| has_form(&text[from..], rest)),
        Some((letter, rest)) => text.first() == Some(letter) && has_form(&text[1..], rest),
    }
}

proptest! {
    #[test]
    fn ends_of_texts(part in texts(), value in values()) {
        let text = value.as_str();
        prop_assert_eq!(holds(&json!({ "prefix": part }), &value), text.is_some_and(|it| it.starts_with(&part)));
        prop_assert_eq!(holds(&json!({ "suffix": part }), &value), text.is_some_and(|it| it.ends_with(&part)));
        prop_assert_eq!(holds(&json!(part), &value), text == Some(part.as_str()));
    }

    #[test]
    fn whatever_the_case(part in texts(), value in values()) {
        let (part_lower, lower) = (part.to_lowercase(), value.as_str().map(str::to_lowercase));
        let folded = |op: fn(&str, &str) -> bool| lower.as_deref().is_some_and(|it| op(it, &part_lower));
        let condition = json!({ "equals-ignore-case": part });
        prop_assert_eq!(holds(&condition, &value), folded(|text, part| text == part));
        prop_assert_eq!(holds(&json!({ "prefix": condition }), &value), folded(|text, part| text.starts_with(part)));
        prop_assert_eq!(holds(&json!({ "suffix": condition }), &value), folded(|text, part| text.ends_with(part)));
    }

    #[test]
    fn wildcards(form in "([aAbBé*]|a\\*b){0,4}", value in values()) {
        prop_assume!(!form.contains("**"));
        let letters: Vec<char> = form.chars().collect();
        let expected = value.as_str().is_some_and(|it| has_form(&it.chars().collect::<Vec<_>>(), &letters));
        prop_assert_eq!(holds(&json!({ "wildcard": form }), &value), expected);
    }

    #[test]
    fn escaped_wildcards_are_themselves(text in texts(), value in values()) {
        let escaped = text.replace('\\', "\\\\").replace('*', "\\*");
        let expected = value.as_str() == Some(text.as_str());
        prop_assert_eq!(holds(&json!({ "wildcard": escaped }), &value), expected);
    }

    #[test]
    fn anything_but_is_there_and_something_else(parts in prop::collection::vec("[ab]{1,2}", 1..4), value in values()) {
        for operator in ["prefix", "suffix", "equals-ignore-case", "wildcard"] {
            let one = parts.iter().any(|part| holds(&json!({ operator: part }), &value));
            prop_assert_eq!(holds(&json!({ "anything-but": { operator: parts } }), &value), !one, "{}", operator);
        }
        let one = parts.iter().any(|part| holds(&json!(part), &value));
        prop_assert_eq!(holds(&json!({ "anything-but": parts }), &value), !one);
        prop_assert_eq!(matches(&json!({ "anything-but": parts }), &json!({})), false);
    }

    #[test]
    fn ranges_of_numbers(bottom in -40_i32..40, width in 1_i32..30, value in values()) {
        let (bottom, top) = (f64::from(bottom) / 10.0, f64::from(bottom + width) / 10.0);
        let within = |lower: fn(&f64, &f64) -> bool, upper: fn(&f64, &f64) -> bool| {
            value.as_f64().is_some_and(|it| lower(&it, &bottom) && upper(&it, &top))
        };
        let numeric = |list: Value| holds(&json!({ "numeric": list }), &value);
        prop_assert_eq!(numeric(json!([">", bottom, "<", top])), within(f64::gt, f64::lt));
        prop_assert_eq!(numeric(json!([">=", bottom, "<=", top])), within(f64::ge, f64::le));
        prop_assert_eq!(numeric(json!(["=", bottom])), value.as_f64() == Some(bottom));
        prop_assert_eq!(numeric(json!(["<=", top])), within(|_, _| true, f64::le));
        prop_assert_eq!(numeric(json!([">", bottom])), within(f64::gt, |_, _| true));
    }

    #[test]
    fn ranges_of_addresses(network in any::<u32>(), bits in 8_u32..32, other in any::<u32>(), near in any::<bool>()) {
        // Of random addresses hardly one is in a range.
        let address = if near { network ^ (other >> bits.min(28)) } else { other };
        let [network_text, address_text] = [network, address].map(|it| std::net::Ipv4Addr::from_bits(it).to_string());
        let range = format!("{network_text}/{bits}");
        let expected = network >> (32 - bits) == address >> (32 - bits);
        prop_assert_eq!(holds(&json!({ "cidr": range }), &json!(address_text)), expected);
    }

    #[test]
    fn of_a_list_one_value_does(values in prop::collection::vec(values(), 0..4), part in "[ab]") {
        let event = json!({ "field": [values, []] });
        for condition in [json!({ "prefix": part }), json!({ "anything-but": part }), json!(part), json!({ "exists": true })] {
            let expected = flat(&event["field"]).iter().any(|value| holds(&condition, value));
            prop_assert_eq!(matches(&condition, &event), expected, "{}", condition);
        }
        prop_assert_eq!(matches(&json!({ "exists": false }), &event), values.is_empty());
    }

    #[test]
    fn an_or_is_one_of_its_alternatives(left in 0..4, right in 0..4, event in (0..4, 0..4)) {
        let pattern = json!({ "both": [1], "$or": [{ "a": [left] }, { "b": [right] }] }).to_string();
        let pattern: EventPattern = pattern.parse().expect("a pattern");
        let (a, b) = event;
        let decided = pattern.matches(&json!({ "both": 1, "a": a, "b": b }));
        prop_assert_eq!(decided, Ok(a == left || b == right));
        prop_assert_eq!(pattern.matches(&json!({ "both": 2, "a": left, "b": right })), Ok(false));
    }

    #[test]
    fn patterns_of_any_text_are_refused_or_decide(text in "[\\[\\]{}\":,a0$or.\\\\-]{0,40}", value in values()) {
        if let Ok(pattern) = text.parse::<EventPattern>() {
            let again: EventPattern = pattern.as_json().parse().expect("its own text");
            prop_assert_eq!(again.matches(&value), pattern.matches(&value));
        }
    }
}
