//! Programs that are killed.

use std::pin::pin;
use std::task::Poll;

use super::chance::Chance;

/// When the processors are killed: each time at another point of what they do, in one wave of orders or another.
#[derive(Debug)]
pub struct Crashes {
    chance: Chance,
    /// The wave of each crash that is still to come, the next one last.
    to_come: Vec<u64>,
    /// How far the processors come before the next one.
    reach: Option<u64>,
    /// How many there were.
    pub happened: u64,
}

impl Crashes {
    /// About as often as somebody is waited for while a wave is worked on.
    const FARTHEST: u64 = 600;

    /// So many crashes, in so many waves.
    pub fn planned(chance: Chance, crashes: u32, waves: u64) -> Self {
        let wave_of = |n: u32| chance.among("wave of a crash", &n.to_string(), 0..waves);
        let mut to_come: Vec<u64> = (0..crashes).map(wave_of).collect();
        to_come.sort_unstable_by(|one, other| other.cmp(one));
        Self { chance, to_come, reach: None, happened: 0 }
    }

    /// Whether one is to come in this wave, or should have come in an earlier one.
    pub fn is_due(&self, wave: u64) -> bool {
        self.to_come.last().is_some_and(|of| *of <= wave)
    }

    /// Does the work, or kills it somewhere in the middle: then there is no answer. Work that ends before it would have
    /// been killed is killed earlier the next time.
    pub async fn disturb<T>(&mut self, wave: u64, work: impl Future<Output = T>) -> Option<T> {
        if !self.is_due(wave) {
            return Some(work.await);
        }
        let reach = self.reach.unwrap_or_else(|| {
            self.chance.among("reach before a crash", &self.happened.to_string(), 1..Self::FARTHEST)
        });
        let done = killed_after(reach, work).await;
        self.reach = match done {
            Some(_) => Some((reach / 2).max(1)),
            None => {
                self.happened += 1;
                self.to_come.pop();
                None
            }
        };
        done
    }
}

/// Lets work go on until it has waited so often, at least once, and drops it there.
async fn killed_after<T>(waits: u64, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut waited = 0;
    std::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => {
            waited += 1;
            if waited >= waits { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waiting(times: u32) -> &'static str {
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
        "done"
    }

    #[tokio::test]
    async fn work_is_killed_where_it_waits() {
        assert_eq!(killed_after(3, waiting(2)).await, Some("done"));
        assert_eq!(killed_after(3, waiting(3)).await, None);
        assert_eq!(killed_after(1, waiting(0)).await, Some("done"), "it never waits");
    }

    #[tokio::test]
    async fn every_crash_that_is_planned_comes() {
        let mut crashes = Crashes::planned(Chance::from_seed(1), 5, 3);
        assert_eq!(crashes.to_come.len(), 5);
        for wave in 0..3 {
            while crashes.is_due(wave) {
                crashes.disturb(wave, waiting(10)).await;
            }
            assert_eq!(crashes.disturb(wave, waiting(1_000)).await, Some("done"));
        }
        assert_eq!(crashes.happened, 5);
    }
}
