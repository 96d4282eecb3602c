//! Records of something else than what a function is for.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::batch;
use crate::error::FunctionError;

/// What says which table or data stream a record is of.
#[derive(Deserialize)]
struct Origin {
    #[serde(rename = "eventSourceARN")]
    arn: Option<String>,
}

/// Refuses records of a table or data stream of another name: to handle them, or to bury them as records that cannot
/// be read, would tell that they were taken care of. A record that does not say where it is from is none of these.
pub(crate) fn check_origin(
    batch: &[&RawValue],
    name: &str,
    expected: &'static str,
) -> Result<(), FunctionError> {
    for record in batch {
        let origin: Result<Origin, _> = batch::read(record);
        let Ok(Origin { arn: Some(arn) }) = origin else { continue };
        // "arn:aws:dynamodb:eu-central-1:123456789012:table/bank-events/stream/2026-03-01T12:00:00.000"
        // "arn:aws:kinesis:eu-central-1:123456789012:stream/bank-events", of a consumer with "/consumer/…" behind it
        let found = arn.split('/').nth(1).unwrap_or_default();
        if found != name {
            let found: String = found.chars().take(255).collect();
            let reason = format!("a record is of {found:?}, and the function is for {name:?}");
            return Err(FunctionError::NotTheEvent { expected, reason });
        }
    }
    Ok(())
}
