//! Which messages of a topic a queue gets.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Number, Value, json};

/// Conditions on the attributes of a message, in the JSON form of an SNS filter policy: of every key
/// one of the listed conditions must hold.
///
/// ```
/// use std::collections::BTreeMap;
/// use es_core::FilterPolicy;
///
/// let policy: FilterPolicy = r#"{
///     "kind": ["placed", {"prefix": "re"}],
///     "total": [{"numeric": [">", 0, "<=", 100]}],
///     "test": [{"exists": false}]
/// }"#.parse()?;
/// let attributes = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
///     pairs.iter().map(|&(name, value)| (name.into(), value.into())).collect()
/// };
/// assert!(policy.matches(&attributes(&[("kind", "returned"), ("total", "99.5")])));
/// assert!(!policy.matches(&attributes(&[("kind", "placed"), ("total", "0")])));
/// assert!(!policy.matches(&attributes(&[("kind", "placed")])));
/// # Ok::<(), es_core::InvalidFilterPolicy>(())
/// ```
///
/// | condition | holds when the attribute |
/// |---|---|
/// | `"text"` | is this text |
/// | `{"prefix": "text"}`, `{"suffix": "text"}` | begins or ends with it |
/// | `{"anything-but": "text"}`, `{"anything-but": ["text", …]}`, `{"anything-but": {"prefix": "text"}}`, the same with `suffix` | is there, and is none of these |
/// | `{"exists": true}`, `{"exists": false}` | is there, is not there |
/// | `{"numeric": ["=", 5]}`, `{"numeric": [">", 0, "<=", 100]}` | is a number in JSON's notation and in the range; `<`, `<=`, `>`, `>=`, and one of each side at most |
///
/// Texts are compared as they are, case counts. Attributes are texts here; one that is a number in
/// JSON's notation is sent to SNS as its type `Number`, of which `prefix`, `suffix` and `anything-but` of texts
/// see nothing there. Everything else that SNS knows, such as wildcards, is refused by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FilterPolicy {
    conditions: BTreeMap<String, Vec<Condition>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Is(String),
    Prefix(String),
    Suffix(String),
    AnythingBut(Exclusion),
    Exists(bool),
    Numeric(Range),
}

#[derive(Debug, Clone, PartialEq)]
enum Exclusion {
    Text(String),
    OneOf(Vec<String>),
    Prefix(String),
    Suffix(String),
}

#[derive(Debug, Clone, PartialEq)]
enum Range {
    Equal(Number),
    Between { lower: Option<Bound>, upper: Option<Bound> },
}

#[derive(Debug, Clone, PartialEq)]
struct Bound {
    number: Number,
    inclusive: bool,
}

impl FilterPolicy {
    /// The most keys: that of SNS.
    pub const MAX_KEYS: usize = 5;
    /// The most combinations, the product of the number of conditions per key: that of SNS.
    pub const MAX_COMBINATIONS: usize = 150;
    /// The largest number in a condition, and with a minus the smallest: that of SNS.
    pub const MAX_NUMBER: f64 = 1e9;

    /// Every message: `{}`.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Whether a message with these attributes passes.
    pub fn matches(&self, attributes: &BTreeMap<String, String>) -> bool {
        self.conditions.iter().all(|(key, conditions)| {
            let value = attributes.get(key).map(String::as_str);
            conditions.iter().any(|condition| condition.holds(value))
        })
    }

    fn from_json(policy: &Value) -> Result<Self, InvalidFilterPolicy> {
        let Value::Object(keys) = policy else {
            return Err(InvalidFilterPolicy::NotAnObject);
        };
        let (actual, limit) = (keys.len(), Self::MAX_KEYS);
        if actual > limit {
            return Err(InvalidFilterPolicy::TooManyKeys { actual, limit });
        }
        let mut conditions = BTreeMap::new();
        for (key, listed) in keys {
            conditions.insert(key.clone(), read_list(key, listed)?);
        }
        let combinations = conditions.values().map(Vec::len).fold(1, usize::saturating_mul);
        if combinations > Self::MAX_COMBINATIONS {
            let limit = Self::MAX_COMBINATIONS;
            return Err(InvalidFilterPolicy::TooManyCombinations { actual: combinations, limit });
        }
        Ok(Self { conditions })
    }

    fn to_json(&self) -> Value {
        let list = |conditions: &[Condition]| conditions.iter().map(Condition::to_json).collect();
        let keys = self.conditions.iter().map(|(key, listed)| (key.clone(), list(listed)));
        Value::Object(keys.collect())
    }
}

impl FromStr for FilterPolicy {
    type Err = InvalidFilterPolicy;

    fn from_str(json: &str) -> Result<Self, InvalidFilterPolicy> {
        let policy: Value = serde_json::from_str(json)
            .map_err(|error| InvalidFilterPolicy::NotJson { reason: error.to_string() })?;
        Self::from_json(&policy)
    }
}

impl fmt::Display for FilterPolicy {
    /// The JSON form, with keys in order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

impl Condition {
    fn holds(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Exists(expected), value) => value.is_some() == *expected,
            (_, None) => false,
            (Self::Is(text), Some(value)) => value == text,
            (Self::Prefix(text), Some(value)) => value.starts_with(text),
            (Self::Suffix(text), Some(value)) => value.ends_with(text),
            (Self::AnythingBut(exclusion), Some(value)) => !exclusion.names(value),
            (Self::Numeric(range), Some(value)) => range.contains(value),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Is(text) => json!(text),
            Self::Prefix(text) => json!({ "prefix": text }),
            Self::Suffix(text) => json!({ "suffix": text }),
            Self::AnythingBut(exclusion) => json!({ "anything-but": exclusion.to_json() }),
            Self::Exists(expected) => json!({ "exists": expected }),
            Self::Numeric(range) => json!({ "numeric": range.to_json() }),
        }
    }
}

impl Exclusion {
    fn names(&self, value: &str) -> bool {
        match self {
            Self::Text(text) => value == text,
            Self::OneOf(texts) => texts.iter().any(|text| value == text),
            Self::Prefix(text) => value.starts_with(text),
            Self::Suffix(text) => value.ends_with(text),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::OneOf(texts) => json!(texts),
            Self::Prefix(text) => json!({ "prefix": text }),
            Self::Suffix(text) => json!({ "suffix": text }),
        }
    }
}

impl Range {
    fn contains(&self, value: &str) -> bool {
        let Some(value) = value.parse::<Number>().ok().and_then(|number| number.as_f64()) else {
            return false;
        };
        let compare = |number: &Number| number.as_f64().and_then(|n| value.partial_cmp(&n));
        let within = |bound: &Option<Bound>, side: std::cmp::Ordering| {
            bound.as_ref().is_none_or(|Bound { number, inclusive }| match compare(number) {
                Some(std::cmp::Ordering::Equal) => *inclusive,
                ordering => ordering == Some(side),
            })
        };
        match self {
            Self::Equal(number) => compare(number) == Some(std::cmp::Ordering::Equal),
            Self::Between { lower, upper } => {
                within(lower, std::cmp::Ordering::Greater)
                    && within(upper, std::cmp::Ordering::Less)
            }
        }
    }

    fn to_json(&self) -> Value {
        let (lower, upper) = match self {
            Self::Equal(number) => return json!(["=", number]),
            Self::Between { lower, upper } => (lower, upper),
        };
        let mut list = Vec::new();
        for (bound, exclusive, inclusive) in [(lower, ">", ">="), (upper, "<", "<=")] {
            if let Some(bound) = bound {
                list.push(json!(if bound.inclusive { inclusive } else { exclusive }));
                list.push(json!(bound.number));
            }
        }
        Value::Array(list)
    }
}

/// Why a text is not a filter policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFilterPolicy {
    /// It is not JSON.
    #[error("a filter policy is JSON: {reason}")]
    NotJson {
        /// What the parser says.
        reason: String,
    },
    /// It is JSON, but not an object.
    #[error("a filter policy is a JSON object")]
    NotAnObject,
    /// It has more keys than SNS takes.
    #[error("a filter policy has up to {limit} keys, not {actual}")]
    TooManyKeys {
        /// How many.
        actual: usize,
        /// The most that are taken.
        limit: usize,
    },
    /// It has more combinations of conditions than SNS takes.
    #[error("the conditions of a filter policy have up to {limit} combinations, not {actual}")]
    TooManyCombinations {
        /// The product of the number of conditions per key.
        actual: usize,
        /// The most that are taken.
        limit: usize,
    },
    /// The conditions of a key are not a list with something in it.
    #[error("the conditions of {key:?} are not a list, or an empty one")]
    NotAList {
        /// The key.
        key: String,
    },
    /// A condition has an operator that is not supported.
    #[error("the operator {operator:?} of {key:?} is not supported")]
    UnknownOperator {
        /// The key.
        key: String,
        /// The operator.
        operator: String,
    },
    /// A condition is neither a text nor an operator with what it needs.
    #[error("a condition of {key:?} is not valid: {reason}")]
    InvalidCondition {
        /// The key.
        key: String,
        /// What is wrong.
        reason: &'static str,
    },
}

fn invalid(key: &str, reason: &'static str) -> InvalidFilterPolicy {
    InvalidFilterPolicy::InvalidCondition { key: key.to_owned(), reason }
}

fn unknown(key: &str, operator: &str) -> InvalidFilterPolicy {
    InvalidFilterPolicy::UnknownOperator { key: key.to_owned(), operator: operator.to_owned() }
}

fn read_list(key: &str, listed: &Value) -> Result<Vec<Condition>, InvalidFilterPolicy> {
    match listed {
        Value::Array(conditions) if !conditions.is_empty() => {
            conditions.iter().map(|condition| read_condition(key, condition)).collect()
        }
        _ => Err(InvalidFilterPolicy::NotAList { key: key.to_owned() }),
    }
}

fn read_condition(key: &str, condition: &Value) -> Result<Condition, InvalidFilterPolicy> {
    let operation = match condition {
        Value::String(text) => return Ok(Condition::Is(text.clone())),
        Value::Object(operation) => operation,
        _ => return Err(invalid(key, "it is neither a text nor an operator")),
    };
    let (operator, operand) = only_entry(key, operation)?;
    match operator {
        "prefix" => Ok(Condition::Prefix(read_text(key, operand)?)),
        "suffix" => Ok(Condition::Suffix(read_text(key, operand)?)),
        "anything-but" => Ok(Condition::AnythingBut(read_exclusion(key, operand)?)),
        "exists" => match operand {
            Value::Bool(expected) => Ok(Condition::Exists(*expected)),
            _ => Err(invalid(key, "exists takes true or false")),
        },
        "numeric" => Ok(Condition::Numeric(read_range(key, operand)?)),
        operator => Err(unknown(key, operator)),
    }
}

fn only_entry<'a>(
    key: &str,
    operation: &'a Map<String, Value>,
) -> Result<(&'a str, &'a Value), InvalidFilterPolicy> {
    let mut entries = operation.iter();
    match (entries.next(), entries.next()) {
        (Some((operator, operand)), None) => Ok((operator, operand)),
        _ => Err(invalid(key, "an operation is an object with one operator")),
    }
}

fn read_text(key: &str, operand: &Value) -> Result<String, InvalidFilterPolicy> {
    match operand {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        _ => Err(invalid(key, "the operator takes a text that is not empty")),
    }
}

fn read_exclusion(key: &str, operand: &Value) -> Result<Exclusion, InvalidFilterPolicy> {
    match operand {
        Value::Array(texts) if !texts.is_empty() => {
            let texts = texts.iter().map(|text| read_text(key, text));
            Ok(Exclusion::OneOf(texts.collect::<Result<_, _>>()?))
        }
        Value::Object(operation) => match only_entry(key, operation)? {
            ("prefix", text) => Ok(Exclusion::Prefix(read_text(key, text)?)),
            ("suffix", text) => Ok(Exclusion::Suffix(read_text(key, text)?)),
            (operator, _) => Err(unknown(key, &format!("anything-but {operator}"))),
        },
        text => Ok(Exclusion::Text(read_text(key, text)?)),
    }
}

fn read_range(key: &str, operand: &Value) -> Result<Range, InvalidFilterPolicy> {
    let pairs = match operand {
        Value::Array(list) if matches!(list.len(), 2 | 4) => list.chunks_exact(2),
        _ => return Err(invalid(key, "numeric takes a list of one or two comparisons")),
    };
    let alone = pairs.len() == 1;
    let (mut lower, mut upper) = (None, None);
    for pair in pairs {
        let (Value::String(operator), Value::Number(number)) = (&pair[0], &pair[1]) else {
            return Err(invalid(key, "a comparison is an operator and a number"));
        };
        if number.as_f64().is_none_or(|n| n.abs() > FilterPolicy::MAX_NUMBER) {
            return Err(invalid(key, "a number is not within a thousand million of zero"));
        }
        let side = match operator.as_str() {
            "=" if alone => return Ok(Range::Equal(number.clone())),
            ">" | ">=" => &mut lower,
            "<" | "<=" => &mut upper,
            "=" => return Err(invalid(key, "'=' stands alone")),
            operator => return Err(unknown(key, &format!("numeric {operator}"))),
        };
        let bound = Bound { number: number.clone(), inclusive: operator.ends_with('=') };
        if side.replace(bound).is_some() {
            return Err(invalid(key, "a range has one lower and one upper end"));
        }
    }
    Ok(Range::Between { lower, upper })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(json: &str) -> FilterPolicy {
        json.parse().unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    fn passes(json: &str, value: Option<&str>) -> bool {
        let attributes = value.map(|value| ("k".to_owned(), value.to_owned()));
        policy(&format!(r#"{{"k":[{json}]}}"#)).matches(&attributes.into_iter().collect())
    }

    #[test]
    fn each_condition_takes_what_sns_takes() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            (r#""a""#, &["a"], &["A", "aa", " a"]),
            (r#"{"prefix":"ab"}"#, &["ab", "abc"], &["a", "cab", "Ab"]),
            (r#"{"suffix":"ab"}"#, &["ab", "cab"], &["b", "abc"]),
            (r#"{"anything-but":"a"}"#, &["b", "aa"], &["a"]),
            (r#"{"anything-but":["a","b"]}"#, &["c"], &["a", "b"]),
            (r#"{"anything-but":{"prefix":"a"}}"#, &["b", "ba"], &["a", "ab"]),
            (r#"{"anything-but":{"suffix":"a"}}"#, &["b", "ab"], &["a", "ba"]),
            (r#"{"numeric":["=",5]}"#, &["5", "5.0", "0.5e1"], &["6", "05", "+5", "five", "5 "]),
            (r#"{"numeric":[">",0,"<=",100]}"#, &["0.1", "100"], &["0", "-1", "100.5"]),
            (r#"{"numeric":["<",-1.5]}"#, &["-2"], &["-1.5", "1"]),
            (r#"{"numeric":[">=",3]}"#, &["3", "1e8"], &["2.9", "NaN", "inf"]),
        ];
        for (condition, taken, left) in cases {
            for value in *taken {
                assert!(passes(condition, Some(value)), "{condition} does not take {value:?}");
            }
            for value in *left {
                assert!(!passes(condition, Some(value)), "{condition} takes {value:?}");
            }
            assert!(!passes(condition, None), "{condition} takes a message without the attribute");
        }
        assert!(passes(r#"{"exists":true}"#, Some("x")) && !passes(r#"{"exists":true}"#, None));
        assert!(passes(r#"{"exists":false}"#, None) && !passes(r#"{"exists":false}"#, Some("x")));
    }

    #[test]
    fn all_keys_must_agree_and_one_condition_of_each_is_enough() {
        let policy = policy(r#"{"a":["1","2"],"b":[{"exists":false},"x"]}"#);
        let matches = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
            policy.matches(&pairs.collect())
        };
        assert!(matches(&[("a", "1")]) && matches(&[("a", "2"), ("b", "x"), ("c", "?")]));
        assert!(!matches(&[("b", "x")]) && !matches(&[("a", "1"), ("b", "y")]) && !matches(&[]));
        assert!(FilterPolicy::everything().matches(&BTreeMap::new()));
    }

    #[test]
    fn what_is_not_supported_is_named() {
        use InvalidFilterPolicy as Invalid;

        let refused = |json: &str| json.parse::<FilterPolicy>().expect_err(json);
        let operator = |json: &str| match refused(json) {
            Invalid::UnknownOperator { key, operator } => (key, operator),
            error => panic!("{json}: {error}"),
        };
        for (json, name) in [
            (r#"{"k":[{"wildcard":"a*"}]}"#, "wildcard"),
            (r#"{"k":[{"equals-ignore-case":"a"}]}"#, "equals-ignore-case"),
            (r#"{"k":[{"anything-but":{"wildcard":"a*"}}]}"#, "anything-but wildcard"),
            (r#"{"k":[{"numeric":["!=",1]}]}"#, "numeric !="),
        ] {
            assert_eq!(operator(json), ("k".to_owned(), name.to_owned()));
        }
        assert!(matches!(refused("{"), Invalid::NotJson { .. }));
        assert_eq!(refused("[]"), Invalid::NotAnObject);
        for list in [r#""a""#, "[]", "{}", "null"] {
            let error = refused(&format!(r#"{{"k":{list}}}"#));
            assert_eq!(error, Invalid::NotAList { key: "k".to_owned() }, "{list}");
        }
        for condition in [
            "1",
            "null",
            "[\"a\"]",
            "{}",
            r#"{"prefix":"a","suffix":"b"}"#,
            r#"{"prefix":""}"#,
            r#"{"prefix":1}"#,
            r#"{"anything-but":[]}"#,
            r#"{"anything-but":[1]}"#,
            r#"{"exists":"yes"}"#,
            r#"{"numeric":[]}"#,
            r#"{"numeric":["="]}"#,
            r#"{"numeric":["=",1,"<",2]}"#,
            r#"{"numeric":["<",1,"<=",2]}"#,
            r#"{"numeric":[1,"<"]}"#,
            r#"{"numeric":["<",1e10]}"#,
            r#"{"numeric":["<","1"]}"#,
        ] {
            let error = refused(&format!(r#"{{"k":[{condition}]}}"#));
            assert!(matches!(error, Invalid::InvalidCondition { .. }), "{condition}: {error}");
        }
        let keys = |n: usize| (0..n).map(|n| format!(r#""k{n}":["a"]"#)).collect::<Vec<_>>();
        assert!(format!("{{{}}}", keys(5).join(",")).parse::<FilterPolicy>().is_ok());
        let many = refused(&format!("{{{}}}", keys(6).join(",")));
        assert_eq!(many, Invalid::TooManyKeys { actual: 6, limit: 5 });
        let list = |n: usize| vec!["\"a\""; n].join(",");
        let combined = |n| format!(r#"{{"a":[{}],"b":[{}]}}"#, list(10), list(n));
        assert!(combined(15).parse::<FilterPolicy>().is_ok());
        let many = refused(&combined(16));
        assert_eq!(many, Invalid::TooManyCombinations { actual: 160, limit: 150 });
    }

    fn condition() -> impl Strategy<Value = Value> {
        let text = "\\PC{1,4}";
        let number = -1_000_000_i64..1_000_000;
        prop_oneof![
            text.prop_map(|text| json!(text)),
            text.prop_map(|text| json!({ "prefix": text })),
            text.prop_map(|text| json!({ "suffix": text })),
            text.prop_map(|text| json!({ "anything-but": text })),
            proptest::collection::vec(text, 1..3).prop_map(|list| json!({ "anything-but": list })),
            text.prop_map(|text| json!({ "anything-but": { "prefix": text } })),
            any::<bool>().prop_map(|expected| json!({ "exists": expected })),
            number.clone().prop_map(|n| json!({ "numeric": ["=", n] })),
            number.clone().prop_map(|n| json!({ "numeric": [">=", n as f64 / 4.0] })),
            (number.clone(), number).prop_map(|(a, b)| json!({ "numeric": [">", a, "<", b] })),
        ]
    }

    proptest! {
        #[test]
        fn a_policy_is_printed_as_it_was_read(
            keys in proptest::collection::btree_map(
                "\\PC{1,6}", proptest::collection::vec(condition(), 1..3), 0..4,
            ),
        ) {
            let json = json!(keys);
            let read: FilterPolicy = json.to_string().parse().unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&read.to_string()).unwrap(), json);
            prop_assert_eq!(read.to_string().parse::<FilterPolicy>().unwrap(), read);
        }
    }
}
