//! `Prefer` (RFC 7240), as far as it is about waiting.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// How long a client would wait for its answer, if it says so: `Prefer: wait=SECONDS`, section 4.3. What cannot be
/// understood is no preference (section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreferredWait(pub Option<Duration>);

impl PreferredWait {
    fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        let mut preferences = values.flat_map(|value| value.split(','));
        // Of a preference that is there more than once the first one counts.
        let wait = preferences.find_map(|preference| {
            let preference = preference.split(';').next()?;
            let (name, value) = preference.split_once('=')?;
            name.trim().eq_ignore_ascii_case("wait").then(|| value.trim())
        });
        let is_digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = wait.filter(is_digits).and_then(|seconds| seconds.parse().ok());
        Self(seconds.map(Duration::from_secs))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PreferredWait {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&'static str]) -> Option<u64> {
        let headers = values.iter().map(|value| (PREFER, value.parse().unwrap())).collect();
        PreferredWait::of(&headers).0.map(|wait| wait.as_secs())
    }

    #[test]
    fn the_first_wait_counts_wherever_it_stands() {
        assert_eq!(of(&["wait=10"]), Some(10));
        assert_eq!(of(&["respond-async, WAIT = 7; x=y"]), Some(7));
        assert_eq!(of(&["return=minimal", "wait=0", "wait=9"]), Some(0));
    }

    #[test]
    fn what_cannot_be_understood_is_no_preference() {
        for values in [
            &[][..],
            &["wait"],
            &["wait="],
            &["wait=-1"],
            &["wait=+1"],
            &["wait=1.5"],
            &["wait=soon, wait=3"],
            &["wait=99999999999999999999"],
            &["awaits=3"],
            &["handling=lenient"],
        ] {
            assert_eq!(of(values), None, "{values:?}");
        }
    }
}
