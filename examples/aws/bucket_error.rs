//! Why a bucket cannot be used.

use std::error::Error as StdError;

use axum::http::StatusCode;
use quick_xml::Reader;
use quick_xml::events::Event;

/// Why a bucket cannot be used, for who named it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// There are no buckets of such names.
    #[error(
        "{0:?} is not the name of a bucket: those have 3 to 63 lower-case letters, digits, dots and hyphens"
    )]
    Name(String),
    /// Nobody has one of this name.
    #[error("there is no bucket {0}")]
    Missing(String),
    /// It is somebody else's, or who asks may not list what is in it.
    #[error("the bucket {0} is somebody else's, or its objects may not be listed (s3:ListBucket)")]
    Forbidden(String),
    /// It is in another region.
    #[error("the bucket {name} is not in {region}")]
    Elsewhere {
        /// Its name.
        name: String,
        /// Where it was looked for.
        region: String,
    },
    /// It does not answer, or something is wrong with the configuration.
    #[error("the bucket {name} cannot be used")]
    Unusable {
        /// Its name.
        name: String,
        /// The reason.
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// Why a request about a bucket came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// S3 does not do it.
    #[error("S3 answered {status}: {}", code.as_deref().unwrap_or("it does not say why"))]
    Answer {
        /// The status of the answer.
        status: StatusCode,
        /// What S3 calls the reason, as `BucketAlreadyExists`.
        code: Option<String>,
    },
    /// It was not asked, or did not answer.
    #[error(transparent)]
    Other(Box<dyn StdError + Send + Sync>),
}

impl Refusal {
    pub(super) fn of(status: StatusCode, body: &str) -> Self {
        Self::Answer { status, code: error_code(body) }
    }
}

/// The code in an error of S3; nothing when there is none.
fn error_code(body: &str) -> Option<String> {
    let mut reader = Reader::from_str(body);
    let mut is_code = false;
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => is_code = element.local_name().as_ref() == b"Code",
            Event::Text(code) if is_code => {
                return Some(String::from_utf8_lossy(&code).into_owned());
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_bucket_is_stands_in_the_code() {
        let body = "<?xml version=\"1.0\"?><Error><Code>BucketAlreadyExists</Code><Message>no</Message></Error>";
        assert_eq!(error_code(body).as_deref(), Some("BucketAlreadyExists"));
        assert_eq!(error_code("Bad Gateway"), None);
    }
}
