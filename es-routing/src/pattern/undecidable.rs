//! Events of which nobody can say whether they match.

/// An event has a field whose name has a dot, where a pattern asks for a field inside of an object: EventBridge
/// takes both for the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the event has a field whose name begins with \"{field}.\", and EventBridge takes it for one inside of \
         {field:?}, for which a rule asks"
)]
#[non_exhaustive]
pub struct Undecidable {
    /// The field that the pattern asks for.
    pub field: String,
}
