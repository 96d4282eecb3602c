//! Filter policies as SNS is told them.
//!
//! A text that is a number in JSON's notation is published as a `Number`, and SNS compares those with numbers
//! only: a condition `"5"` would never hold. It is told as `"5", {"numeric": ["=", 5]}`, and read as `"5"`.

use es_core::{FilterPolicy, InvalidFilterPolicy};
use serde_json::{Value, json};

use super::number;

/// In the form for SNS.
pub(crate) fn for_sns(filter: &FilterPolicy) -> Value {
    // It is printed as JSON.
    let mut policy = serde_json::from_str(&filter.to_string()).unwrap_or_default();
    for conditions in lists_of(&mut policy) {
        let numbers: Vec<_> = conditions.iter().filter_map(equal_to_text).collect();
        for number in numbers {
            if !conditions.contains(&number) {
                conditions.push(number);
            }
        }
    }
    policy
}

/// From the form for SNS; nothing is everything.
pub(super) fn read(policy: Option<&str>) -> Result<FilterPolicy, InvalidFilterPolicy> {
    let Some(text) = policy.filter(|text| !text.is_empty()) else {
        return Ok(FilterPolicy::everything());
    };
    let Ok(mut policy) = serde_json::from_str::<Value>(text) else { return text.parse() };
    for conditions in lists_of(&mut policy) {
        let numbers: Vec<_> = conditions.iter().filter_map(equal_to_text).collect();
        conditions.retain(|condition| !numbers.contains(condition));
    }
    policy.to_string().parse()
}

fn lists_of(policy: &mut Value) -> impl Iterator<Item = &mut Vec<Value>> {
    policy
        .as_object_mut()
        .into_iter()
        .flat_map(|keys| keys.values_mut())
        .filter_map(Value::as_array_mut)
}

/// The condition that wants the number that this one wants as a text.
fn equal_to_text(condition: &Value) -> Option<Value> {
    let number = number::in_text(condition.as_str()?)?;
    let is_comparable = number.as_f64().is_some_and(|n| n.abs() <= FilterPolicy::MAX_NUMBER);
    is_comparable.then(|| json!({ "numeric": ["=", number] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_a_number_is_wanted_as_both() {
        let filter: FilterPolicy =
            r#"{"a":["5","x"],"b":["1e10",{"prefix":"5"}]}"#.parse().unwrap();
        let expected = json!({
            "a": ["5", "x", { "numeric": ["=", 5] }],
            "b": ["1e10", { "prefix": "5" }],
        });
        assert_eq!(for_sns(&filter), expected);
    }

    #[test]
    fn what_is_told_is_read_as_it_was() {
        for filter in [
            "{}",
            r#"{"a":["5","-1.50",{"numeric":[">",7]}]}"#,
            r#"{"a":["x",{"numeric":["=",5]}],"b":[{"exists":false}]}"#,
        ] {
            let filter: FilterPolicy = filter.parse().unwrap();
            assert_eq!(read(Some(&for_sns(&filter).to_string())).unwrap(), filter);
        }
        for nothing in [None, Some(""), Some("{}")] {
            assert_eq!(read(nothing).unwrap(), FilterPolicy::everything());
        }
        assert!(read(Some(r#"{"a":[{"wildcard":"*"}]}"#)).is_err() && read(Some("[")).is_err());
    }
}
