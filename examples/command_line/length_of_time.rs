use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Reads a length of time. A day has 24 hours here.
///
/// # Errors
///
/// What would have been one.
pub fn length_of_time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a length of time like 500ms, 30s, 5m or 7d");
    let span: Span = text.parse().map_err(|_| wrong())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    length.try_into().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_a_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("7d", 7 * 86_400_000),
            ("0s", 0),
        ] {
            assert_eq!(length_of_time(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "7", "d", "-5s", "soon", "1 month"] {
            assert!(length_of_time(wrong).is_err(), "{wrong:?}");
        }
    }
}
