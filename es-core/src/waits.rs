//! What waits until its time has come.

use std::time::Duration;

/// What waits, each until a time of its own on a [monotonic](crate::Clock::monotonic) clock: for what is
/// sent again later.
///
/// ```
/// use std::time::Duration;
///
/// use es_core::Waits;
///
/// let mut waits = Waits::default();
/// waits.add(Duration::from_secs(9), "late");
/// waits.add(Duration::from_secs(3), "early");
/// assert_eq!(waits.next_end(), Some(Duration::from_secs(3)));
/// assert_eq!(waits.take_ended(Duration::from_secs(5)), ["early"]);
/// assert_eq!(waits.next_end(), Some(Duration::from_secs(9)));
/// ```
#[derive(Debug, Clone)]
pub struct Waits<T> {
    /// In the order in which they came.
    waiting: Vec<(Duration, T)>,
}

impl<T> Waits<T> {
    /// Lets it wait until then.
    pub fn add(&mut self, until: Duration, what: T) {
        self.waiting.push((until, what));
    }

    /// When the first wait ends; `None` if nothing waits.
    pub fn next_end(&self) -> Option<Duration> {
        self.waiting.iter().map(|(until, _)| *until).min()
    }

    /// Takes out what has no longer to wait, in the order of the times; of those until the same time, who
    /// came first.
    pub fn take_ended(&mut self, now: Duration) -> Vec<T> {
        let mut ended: Vec<_> = self.waiting.extract_if(.., |(until, _)| *until <= now).collect();
        ended.sort_by_key(|(until, _)| *until);
        ended.into_iter().map(|(_, what)| what).collect()
    }
}

impl<T> Default for Waits<T> {
    /// Nothing waits.
    fn default() -> Self {
        Self { waiting: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_end_at_their_time_and_at_the_same_time_in_the_order_in_which_they_began() {
        let at = Duration::from_secs;
        let mut waits = Waits::default();
        for (until, what) in [(4, 'a'), (2, 'b'), (4, 'c'), (2, 'd'), (3, 'e')] {
            waits.add(at(until), what);
        }
        assert_eq!(waits.take_ended(at(1)), []);
        assert_eq!(waits.take_ended(at(3)), ['b', 'd', 'e']);
        waits.add(at(4), 'f');
        assert_eq!(waits.next_end(), Some(at(4)));
        assert_eq!(waits.take_ended(at(4)), ['a', 'c', 'f']);
        assert_eq!(waits.next_end(), None);
    }
}
