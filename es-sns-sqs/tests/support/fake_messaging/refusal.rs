use serde_json::{Value, json};

/// An answer that says no, as AWS says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    /// The one refusal that most parameters share.
    pub(super) fn invalid_value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub(super) fn no_queue() -> Self {
        let message = "The specified queue does not exist.";
        Self::new("AWS.SimpleQueueService.NonExistentQueue", message)
    }

    pub(super) fn no_topic() -> Self {
        Self { status: 404, ..Self::new("NotFound", "Topic does not exist") }
    }

    pub(super) fn no_subscription() -> Self {
        Self { status: 404, ..Self::new("NotFound", "Subscription does not exist") }
    }

    pub(super) fn internal() -> Self {
        let message = "We encountered an internal error.";
        Self { status: 500, ..Self::new("InternalError", message) }
    }

    pub(super) fn throttled() -> Self {
        Self::new("ThrottlingException", "Rate exceeded")
    }

    pub(super) fn denied(operation: &str) -> Self {
        let message = format!("User is not authorized to perform: {operation}");
        Self { status: 403, ..Self::new("AccessDenied", message) }
    }

    /// As SQS says it; its old code is in a header.
    pub(super) fn json(&self) -> Value {
        json!({ "__type": "com.amazonaws.sqs#Refusal", "message": self.message })
    }

    /// As SNS says it.
    pub(super) fn xml(&self) -> String {
        let Self { code, message, .. } = self;
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
             </Error><RequestId>R1</RequestId></ErrorResponse>"
        )
    }

    /// As one entry of a batch has it, in SQS' JSON.
    pub(super) fn entry(&self, id: &str) -> Value {
        let is_senders = self.status < 500 && self.code != "ThrottlingException";
        json!({ "Id": id, "SenderFault": is_senders, "Code": self.code, "Message": self.message })
    }
}
