//! The records of an event, each for itself: one that cannot be read is no reason not to read the others.

#![cfg_attr(
    not(any(feature = "dynamodb", feature = "kinesis", feature = "sqs")),
    allow(dead_code, reason = "no other function has batches")
)]

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::FunctionError;

/// The event of a queue, a stream or a table, as far as all of them are alike.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "Records", borrow)]
    records: Vec<&'a RawValue>,
}

/// What every record says about itself.
#[derive(Deserialize)]
struct Origin {
    #[serde(rename = "eventSource")]
    source: Option<String>,
}

/// The records of an event of `source`, which `expected` names to people.
///
/// A record of another source means that the function is set behind something it is not for. Then nothing is
/// handled: to pass such records over would tell that they were handled.
pub(crate) fn records<'a>(
    event: &'a RawValue,
    source: &str,
    expected: &'static str,
) -> Result<Vec<&'a RawValue>, FunctionError> {
    let not_the_event = |reason: String| FunctionError::NotTheEvent { expected, reason };
    let event: Event<'_> =
        serde_json::from_str(event.get()).map_err(|error| not_the_event(reason_of(&error)))?;
    for record in &event.records {
        let origin: Result<Origin, _> = serde_json::from_str(record.get());
        // What does not even say so is damaged, and given back or buried as such.
        if let Ok(Origin { source: Some(other) }) = origin
            && other != source
        {
            let shown: String = other.chars().take(64).collect();
            return Err(not_the_event(format!("a record is from {shown:?}")));
        }
    }
    Ok(event.records)
}

/// A record as the type that it has, or why it has not.
pub(crate) fn read<T: DeserializeOwned>(record: &RawValue) -> Result<T, String> {
    serde_json::from_str(record.get()).map_err(|error| reason_of(&error))
}

/// The place and the kind of an error, without the value that it is about: that may be personal.
fn reason_of(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "a field is missing or of another kind",
        _ => "it is not JSON",
    };
    format!("{kind}, at line {} column {}", error.line(), error.column())
}
