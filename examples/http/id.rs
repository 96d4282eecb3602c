//! The `{id}` in a path.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::Problem;

/// The id in a request's path, as text. A path that is no text is a problem, too.
#[derive(Debug)]
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
        }
    }
}
