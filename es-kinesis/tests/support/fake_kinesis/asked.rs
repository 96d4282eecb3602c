use serde_json::Value;

use super::refusal::Refusal;

/// What a request asks for, in Kinesis' JSON.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a>(pub(super) &'a Value);

impl<'a> Asked<'a> {
    pub(super) fn text(self, name: &str) -> Result<&'a str, Refusal> {
        self.optional_text(name).ok_or_else(|| Self::missing(name))
    }

    pub(super) fn optional_text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub(super) fn optional_number(self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    pub(super) fn number(self, name: &str) -> Result<i64, Refusal> {
        self.optional_number(name).ok_or_else(|| Self::missing(name))
    }

    /// A time, in milliseconds since 1970.
    pub(super) fn optional_millis(self, name: &str) -> Option<i64> {
        let seconds = self.0.get(name).and_then(Value::as_f64)?;
        // Kinesis' times have milliseconds; a double has them, and no exact ones.
        Some((seconds * 1000.0).round() as i64)
    }

    pub(super) fn optional_object(self, name: &str) -> Option<Self> {
        self.0.get(name).filter(|value| value.is_object()).map(Self)
    }

    pub(super) fn list(self, name: &str) -> Result<&'a [Value], Refusal> {
        let list = self.0.get(name).and_then(Value::as_array);
        list.map(Vec::as_slice).ok_or_else(|| Self::missing(name))
    }

    /// The name of the stream, which a request may say by the ARN.
    pub(super) fn stream(self) -> Result<&'a str, Refusal> {
        if let Some(arn) = self.optional_text("StreamARN") {
            return name_in(arn);
        }
        self.optional_text("StreamName").ok_or_else(|| {
            Refusal::invalid("StreamARN or StreamName must be provided in the request.")
        })
    }

    /// The name of the stream that a consumer is of.
    pub(super) fn stream_of_consumer(self) -> Result<&'a str, Refusal> {
        self.optional_text("ConsumerARN").map_or_else(|| self.stream(), name_in)
    }

    fn missing(name: &str) -> Refusal {
        Refusal::malformed(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
             Member must not be null"
        ))
    }
}

/// The name in the ARN of a stream or of one of its consumers.
fn name_in(arn: &str) -> Result<&str, Refusal> {
    let name = arn.split_once(":stream/").and_then(|(_, rest)| rest.split('/').next());
    name.ok_or_else(|| Refusal::malformed(format!("{arn} is not the ARN of a stream")))
}
