//! One error, told of several events.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use es_core::Error;

/// The error of a request, for each event in it.
#[derive(Debug, Clone)]
pub(crate) struct SharedError {
    what: String,
    is_transient: bool,
    cause: Cause,
}

impl SharedError {
    /// The error once more.
    pub(crate) fn error(&self) -> Error {
        let (what, source) = (self.what.clone(), Box::new(self.cause.clone()));
        match self.is_transient {
            true => Error::Unavailable { what, source },
            false => Error::Backend { what, source },
        }
    }
}

impl From<Error> for SharedError {
    fn from(error: Error) -> Self {
        let is_transient = error.is_transient();
        let (what, cause) = match error {
            Error::Unavailable { what, source } | Error::Backend { what, source } => {
                (what, Arc::from(source))
            }
            other => (
                "putting events".to_owned(),
                Arc::from(Box::<dyn StdError + Send + Sync>::from(other)),
            ),
        };
        Self { what, is_transient, cause: Cause(cause) }
    }
}

/// A cause that several errors have.
#[derive(Debug, Clone)]
struct Cause(Arc<dyn StdError + Send + Sync>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
