//! Waiting for what takes long, as long as it goes on.

use std::time::Duration;

use es_core::{Clock, Error};

use super::JourneyError;

/// How long is waited while nothing goes on.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

const BETWEEN: Duration = Duration::from_millis(20);

/// Waits until nothing is left. However long that takes in all: whoever waits loses patience when it has not become
/// less for two minutes.
///
/// # Errors
///
/// [`JourneyError::NoProgress`], and those of `left`.
pub(super) async fn until_none_is_left(
    what: &'static str,
    clock: &dyn Clock,
    mut left: impl AsyncFnMut() -> Result<usize, Error>,
) -> Result<(), JourneyError> {
    let (mut least, mut since) = (usize::MAX, clock.monotonic());
    loop {
        let left = left().await?;
        if left == 0 {
            return Ok(());
        }
        let waited = clock.monotonic().saturating_sub(since);
        if left < least {
            (least, since) = (left, clock.monotonic());
        } else if waited >= PATIENCE {
            return Err(JourneyError::NoProgress { what, left, waited });
        }
        clock.sleep(BETWEEN).await;
    }
}

/// When to look at what is expensive to look at: when all may be there, and from time to time before and after, as
/// others may have a part in it.
#[derive(Debug, Default)]
pub(super) struct Looks {
    last: Option<Duration>,
    all_may_be_there: bool,
}

impl Looks {
    const OTHERS: Duration = Duration::from_secs(5);

    /// Whether to look now.
    pub(super) fn are_due(&mut self, all_may_be_there: bool, now: Duration) -> bool {
        let last = *self.last.get_or_insert(now);
        let is_new = all_may_be_there && !self.all_may_be_there;
        self.all_may_be_there = all_may_be_there;
        let is_due = is_new || now.saturating_sub(last) >= Self::OTHERS;
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use es_core::testing::VirtualClock;

    use super::*;

    #[tokio::test]
    async fn patience_counts_from_the_last_progress() {
        let clock = VirtualClock::auto_advancing("2026-03-01T12:00:00Z");
        let mut left = 100;
        let slow = async || {
            clock.advance(PATIENCE / 2);
            left -= 1;
            Ok(left)
        };
        until_none_is_left("it goes on", &clock, slow).await.unwrap();

        let stuck = until_none_is_left("it does not", &clock, async || Ok(7)).await.unwrap_err();
        let JourneyError::NoProgress { left: 7, waited, .. } = stuck else { panic!("{stuck}") };
        assert!((PATIENCE..2 * PATIENCE).contains(&waited), "{waited:?}");
    }

    #[test]
    fn what_has_not_changed_is_not_looked_at_all_the_time() {
        let mut looks = Looks::default();
        let seen = [
            (false, 0),
            (false, 20),
            (true, 40),
            (true, 60),
            (true, 5_000),
            (true, 5_040),
            (true, 5_060),
        ];
        let due = seen.map(|(all, now)| looks.are_due(all, Duration::from_millis(now)));
        assert_eq!(due, [false, false, true, false, false, true, false]);
    }
}
