//! Why a query cannot be run.

use es_core::Error;

/// A flaw of a part of a query. The part carries it until the query is run, so that queries are put
/// together without a `?` after every step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Misuse(String);

impl Misuse {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse.0)
    }
}
