use lambda_runtime::Diagnostic;

/// Why an invocation has failed as a whole. Lambda tries it again, as the event source mapping or the function's
/// settings for asynchronous invocations say.
///
/// Texts never say what was in a record, but [`Again`](Self::Again) has what a handler said, and that goes to Lambda's log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// The event is not of the kind that the function is for. Nothing was handled.
    #[error("the event is not one of {expected}: {reason}")]
    NotTheEvent {
        /// What the function is for, as in "SQS".
        expected: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Records that could not be handled have no name by which an answer could give them back, so the batch
    /// comes again as a whole. What was handled is recognised then.
    #[error("{records} of the batch cannot be named in an answer: {reason}")]
    Unnamed {
        /// How many.
        records: usize,
        /// What is wrong with the first of them.
        reason: String,
    },
    /// The function was made without a consumer that could handle the records.
    #[error("the function has no consumer")]
    NoConsumer,
    /// The event must come again.
    #[error("the event was not handled and comes again: {error}")]
    Again {
        /// Why, with the causes.
        error: String,
    },
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] es_core::Error),
}

impl FunctionError {
    fn kind(&self) -> &'static str {
        match self {
            Self::NotTheEvent { .. } => "NotTheEvent",
            Self::Unnamed { .. } => "Unnamed",
            Self::NoConsumer => "NoConsumer",
            Self::Again { .. } => "Again",
            Self::Store(_) => "Store",
        }
    }
}

impl From<FunctionError> for Diagnostic {
    fn from(error: FunctionError) -> Self {
        let error_message = match &error {
            FunctionError::Store(store) => store.with_causes(),
            other => other.to_string(),
        };
        Self { error_type: error.kind().to_owned(), error_message }
    }
}
