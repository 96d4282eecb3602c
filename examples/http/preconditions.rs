//! `If-Match` (RFC 9110) and `Idempotency-Key`, as options of a command.

use axum::extract::FromRequestParts;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use es_core::{ExecuteOptions, IdempotencyKey, Metadata, Version};
use serde::Serialize;

use super::Problem;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// What a client demands of a command through headers, and what it says about its cause.
#[derive(Debug)]
pub struct Preconditions {
    expected_version: Option<Version>,
    idempotency_key: Option<String>,
    metadata: Metadata,
}

impl Preconditions {
    /// The `Idempotency-Key`, if there is one.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// The options for the command that `request` asks for. The key stands for this request only.
    ///
    /// # Errors
    ///
    /// [`es_core::Error::Encode`] when the request cannot be written as JSON.
    pub fn options<R: Serialize>(self, request: &R) -> Result<ExecuteOptions, es_core::Error> {
        let mut options = ExecuteOptions::new().metadata(self.metadata);
        if let Some(version) = self.expected_version {
            options = options.expected_version(version);
        }
        if let Some(key) = self.idempotency_key {
            options = options.idempotency_key(IdempotencyKey::for_request(key, request)?);
        }
        Ok(options)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Preconditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = |name: HeaderName| -> Result<Option<String>, Problem> {
            let mut values = parts.headers.get_all(&name).iter();
            match (values.next(), values.next()) {
                (None, _) => Ok(None),
                (Some(value), None) => match value.to_str() {
                    Ok(text) => Ok(Some(text.to_owned())),
                    Err(_) => Err(Problem::bad_request(format!("{name} is not ASCII text"))),
                },
                (Some(_), Some(_)) => {
                    Err(Problem::bad_request(format!("{name} is there more than once")))
                }
            }
        };
        let expected_version = text(IF_MATCH)?.map(|tag| version_of(&tag)).transpose()?.flatten();
        let mut metadata = Metadata::new();
        metadata.traceparent = short(text(TRACEPARENT)?, &TRACEPARENT)?;
        metadata.correlation_id = short(text(CORRELATION_ID)?, &CORRELATION_ID)?;
        Ok(Self { expected_version, idempotency_key: text(IDEMPOTENCY_KEY)?, metadata })
    }
}

/// What is stored with every commit, and handed on to its effects, has to be short.
fn short(value: Option<String>, name: &HeaderName) -> Result<Option<String>, Problem> {
    const LONGEST: usize = 200;
    match &value {
        Some(text) if text.len() > LONGEST => {
            Err(Problem::bad_request(format!("{name} has more than {LONGEST} characters")))
        }
        _ => Ok(value),
    }
}

/// The `ETag` of something at `version`.
pub fn etag(version: Version) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// `"7"` is version 7; `*` asks for no particular one.
fn version_of(tag: &str) -> Result<Option<Version>, Problem> {
    if tag.trim() == "*" {
        return Ok(None);
    }
    let digits = tag.trim().strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    match digits.map(str::parse) {
        Some(Ok(version)) => Ok(Some(Version::new(version))),
        _ => Err(Problem::bad_request(format!("If-Match {tag} is not an ETag of this service"))),
    }
}
