//! Patterns of events: which events a rule is for.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

mod alternatives;
mod condition;
mod fields;
mod ignoring_case;
mod invalid;
mod ip_range;
mod number;
mod parsing;
mod presence;
#[cfg(test)]
mod tests;
mod undecidable;
mod wildcard;

pub use invalid::{InvalidPattern, PatternFault};
pub use undecidable::Undecidable;

use fields::Fields;
use presence::{Absences, Compared};

/// A pattern in the language of EventBridge: of each field that it names, one of the listed conditions must
/// hold for the event. It is compiled when it is parsed.
///
/// ```
/// use es_routing::EventPattern;
/// use serde_json::json;
///
/// let pattern: EventPattern = r#"{
///     "source": ["orders"],
///     "detail-type": [{"prefix": "Order "}],
///     "detail": {
///         "total": [{"numeric": [">=", 100]}],
///         "$or": [{"country": ["DE", "AT"]}, {"express": [true]}]
///     }
/// }"#.parse()?;
/// let event = |total: u32, country: &str| json!({
///     "source": "orders", "detail-type": "Order Created",
///     "detail": { "total": total, "country": country },
/// });
/// assert!(pattern.matches(&event(120, "AT"))?);
/// assert!(!pattern.matches(&event(99, "AT"))?);
/// assert!(!pattern.matches(&event(120, "FR"))?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Conditions
///
/// As EventBridge has them for
/// [event buses](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html):
///
/// | condition | holds for |
/// |---|---|
/// | `"text"`, `5`, `true`, `null` | this value; numbers by what they are, however they are written |
/// | `{"prefix": "text"}`, `{"suffix": "text"}` | texts that begin or end with it |
/// | `{"prefix": {"equals-ignore-case": "text"}}`, the same with `suffix` | …, whatever the case |
/// | `{"equals-ignore-case": "text"}` | this text, whatever the case |
/// | `{"wildcard": "a*b"}` | texts of this form; `*` is any number of characters, `\*` and `\\` are themselves |
/// | `{"anything-but": x}`: a text, a number, or a list of either | what is there, and is none of these |
/// | `{"anything-but": {"prefix": x}}`, with a text or a list; the same with `suffix`, `equals-ignore-case`, `wildcard` | what is there, and is no such text |
/// | `{"numeric": ["=", 5]}`, `{"numeric": [">", 0, "<=", 100]}` | numbers; one bound, or a lower and then a higher one |
/// | `{"cidr": "10.0.0.0/24"}`, also of IPv6 | texts that are an address of this range |
/// | `{"exists": true}`, `{"exists": false}` | fields that have a value, or have none; objects and empty lists are none |
///
/// Of a field that is a list one element must do, and what a pattern asks of objects in a list is asked of one
/// of them. `$or` has at least two alternatives.
///
/// # Not otherwise than EventBridge
///
/// The answers are those of [Event Ruler](https://github.com/aws/event-ruler), the open-source engine of
/// EventBridge. A pattern that is refused there is refused here. What is refused here only, because the answer
/// there depends on how something is written, or is not documented:
///
/// - a field twice in one object, also once beside and once inside `$or`;
/// - field names with a dot, which is what Ruler joins names with;
/// - `$or` where it is not an alternative, but the name of a field;
/// - numbers in conditions beyond ±5·10⁹, with more than six places after the point, or, as a value by itself,
///   in another form than the shortest: `300`, not `300.0` or `3e2`;
/// - ranges of addresses with less than 8 bits, which take numbers, too, there;
/// - letters in conditions that ignore case which have no case of one character, as `ß`;
/// - more than [1,000 alternatives](Self::MAX_ALTERNATIVES), [10,000 conditions](Self::MAX_CONDITIONS) in them, and
///   [4,096 bytes](Self::MAX_LEN).
///
/// Two answers of Event Ruler are taken for mistakes, as the documents say something else: a range of addresses
/// takes some of the other kind whose digits begin alike, and texts beyond ASCII can pass `*.*` without a dot
/// where a condition that ignores case stands beside it.
///
/// An event that has a field with a dot in its name where a rule looks is [`Undecidable`], and never passed on or
/// over in silence.
#[derive(Clone, PartialEq)]
pub struct EventPattern {
    /// Of which one has to match: the pattern without `$or`.
    alternatives: Vec<Fields>,
    absences: Absences,
    json: String,
}

impl EventPattern {
    /// The most bytes of a pattern as JSON without white space: those of
    /// [PutRule](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html). An account has
    /// [2,048](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html) unless it has asked for
    /// more.
    pub const MAX_LEN: usize = 4_096;

    /// The most alternatives that a pattern has when every `$or` is written out.
    pub const MAX_ALTERNATIVES: usize = 1_000;

    /// The most conditions that a pattern has when every `$or` is written out: each alternative has those beside it. An
    /// object of the pattern counts as one as well, so deep patterns have fewer.
    pub const MAX_CONDITIONS: usize = 10_000;

    /// Whether the event, in its JSON form, has what the pattern asks for.
    ///
    /// Each condition, written out, is compared with each value of the event at most a few times, however both are
    /// made.
    ///
    /// # Errors
    ///
    /// [`Undecidable`] when it depends on a field whose name has a dot.
    pub fn matches(&self, event: &Value) -> Result<bool, Undecidable> {
        self.match_compared(&Compared::new(event, &self.absences))
    }

    fn match_compared(&self, event: &Compared<'_>) -> Result<bool, Undecidable> {
        for fields in &self.alternatives {
            if fields.match_event(event)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The pattern as JSON, without white space, as it is deployed.
    pub fn as_json(&self) -> &str {
        &self.json
    }
}

impl FromStr for EventPattern {
    type Err = InvalidPattern;

    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// [`InvalidPattern`] with the place of the first fault.
    fn from_str(json: &str) -> Result<Self, InvalidPattern> {
        let compact = parsing::without_white_space(json)?;
        let (alternatives, absences) = parsing::alternatives(json)?;
        Ok(Self { alternatives, absences, json: compact })
    }
}

impl fmt::Debug for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventPattern({})", self.json)
    }
}
