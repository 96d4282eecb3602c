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
    /// The wave that is worked on.
    wave: u64,
    /// How often somebody was waited for in it.
    waited: u64,
    /// How often in the longest wave before it: no crash is planned for behind its end.
    farthest: u64,
    /// How many there were.
    pub happened: u64,
}

impl Crashes {
    /// So many crashes, in so many waves.
    pub fn planned(chance: Chance, crashes: u32, waves: u64) -> Self {
        /// About as often as somebody is waited for in a wave.
        const FARTHEST: u64 = 600;
        let wave_of = |n: u32| chance.among("wave of a crash", &n.to_string(), 0..waves);
        let mut to_come: Vec<u64> = (0..crashes).map(wave_of).collect();
        to_come.sort_unstable_by(|one, other| other.cmp(one));
        Self { chance, to_come, reach: None, wave: 0, waited: 0, farthest: FARTHEST, happened: 0 }
    }

    /// One crash, when somebody was waited for so often.
    #[cfg(test)]
    pub fn once_after(waits: u64) -> Self {
        let mut crashes = Self::planned(Chance::from_seed(0), 0, 1);
        (crashes.to_come, crashes.reach) = (vec![0], Some(waits));
        crashes
    }

    /// How often somebody was waited for in the longest wave that is over.
    #[cfg(test)]
    pub fn farthest(&self) -> u64 {
        self.farthest
    }

    /// Whether one is to come in this wave, or should have come in an earlier one.
    pub fn is_due(&self, wave: u64) -> bool {
        self.to_come.last().is_some_and(|of| *of <= wave)
    }

    /// Does a part of the work on a wave, or kills it somewhere in the middle: then there is no answer. Each crash comes
    /// at its point of the whole, in whichever part that is.
    pub async fn disturb<T>(&mut self, wave: u64, work: impl Future<Output = T>) -> Option<T> {
        self.enter(wave);
        let reach = self.is_due(wave).then(|| self.reach.unwrap_or_else(|| self.next_reach()));
        let (done, waited) = killed_after(reach.unwrap_or(u64::MAX), work).await;
        self.waited += waited;
        self.reach = match &done {
            Some(_) => reach.map(|reach| reach.saturating_sub(waited).max(1)),
            None => {
                self.happened += 1;
                self.to_come.pop();
                None
            }
        };
        done
    }

    /// Brings a crash nearer that is to come in work of which nothing is left.
    pub fn come_nearer(&mut self) {
        self.reach = self.reach.map(|reach| (reach / 2).max(1));
    }

    fn next_reach(&self) -> u64 {
        let to = self.farthest.max(1) + 1;
        self.chance.among("reach before a crash", &self.happened.to_string(), 1..to)
    }

    fn enter(&mut self, wave: u64) {
        if self.wave != wave {
            self.farthest =
                if self.wave == 0 { self.waited } else { self.farthest.max(self.waited) };
            (self.wave, self.waited) = (wave, 0);
        }
    }
}

/// Lets work go on until it has waited so often, at least once, and drops it there. Says how often it has.
async fn killed_after<T>(waits: u64, work: impl Future<Output = T>) -> (Option<T>, u64) {
    let mut work = pin!(work);
    let mut waited = 0;
    let done = std::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => {
            waited += 1;
            if waited >= waits { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await;
    (done, waited)
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
        assert_eq!(killed_after(3, waiting(2)).await, (Some("done"), 2));
        assert_eq!(killed_after(3, waiting(3)).await, (None, 3));
        assert_eq!(killed_after(1, waiting(0)).await, (Some("done"), 0), "it never waits");
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

    #[tokio::test]
    async fn crashes_come_in_every_part_of_a_wave() {
        let mut parts = [0; 5];
        for seed in 0..40 {
            let mut crashes = Crashes::planned(Chance::from_seed(seed), 1, 1);
            crashes.to_come = vec![1];
            for part in 0..10 {
                // An undisturbed wave, and the one with the crash, each of five parts.
                if crashes.disturb(part / 5, waiting(10)).await.is_none() {
                    parts[part as usize % 5] += 1;
                    break;
                }
            }
        }
        assert_eq!(parts.iter().sum::<i32>(), 40, "it is not behind the end of the wave");
        assert!(parts.iter().all(|crashes| *crashes > 0), "{parts:?}");
    }
}
