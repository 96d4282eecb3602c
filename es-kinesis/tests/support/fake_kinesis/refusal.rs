use serde_json::{Value, json};

/// An answer that says no, as AWS says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidArgumentException", message)
    }

    /// The request has not the form that the service's model says.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new("ResourceNotFoundException", message)
    }

    pub(super) fn in_use(message: impl Into<String>) -> Self {
        Self::new("ResourceInUseException", message)
    }

    pub(super) fn exceeds_limit(message: impl Into<String>) -> Self {
        Self::new("LimitExceededException", message)
    }

    pub(super) fn throttled(message: impl Into<String>) -> Self {
        Self::new("ProvisionedThroughputExceededException", message)
    }

    /// The 500 of a server that does not know why.
    pub(super) fn internal() -> Self {
        Self { status: 500, code: "InternalFailure", message: "Internal service failure.".into() }
    }

    pub(super) fn body(&self) -> Value {
        json!({ "__type": self.code, "message": self.message })
    }
}
