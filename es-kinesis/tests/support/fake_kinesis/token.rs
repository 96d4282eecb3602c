//! Texts that only the server understands.

use aws_smithy_types::base64;
use serde_json::Value;

/// Hides what the server wants to know again.
pub(super) fn seal(content: &Value) -> String {
    base64::encode(content.to_string())
}

/// What a text of [`seal`] hides; of another text, nothing.
pub(super) fn open(token: &str) -> Option<Value> {
    serde_json::from_slice(&base64::decode(token).ok()?).ok()
}
