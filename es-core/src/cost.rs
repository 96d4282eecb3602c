//! What requests to a service cost, in the service's own units.

use std::future::Future;
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;

/// The requests that some work made, and what the service charged for them. Backends without a service
/// behind them, as memory and SQLite, charge nothing.
///
/// A backend tells each request with [`Cost::charge`]; [`Cost::of`] adds up what is told while a future
/// runs. Work that the future hands over to other tasks is not seen.
///
/// ```
/// use es_core::Cost;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // As a backend does it for a read of 4 KB from DynamoDB.
/// let read = async { Cost { requests: 1, read_units: 1.0, ..Cost::default() }.charge() };
/// let ((), cost) = Cost::of(read).await;
/// assert_eq!((cost.requests, cost.read_units, cost.write_units), (1, 1.0, 0.0));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Requests, each counted once however often it was sent.
    pub requests: u64,
    /// Read units, as DynamoDB's read capacity units.
    pub read_units: f64,
    /// Write units, as DynamoDB's write capacity units. A write that a condition refused costs too, but
    /// DynamoDB does not tell how much: it is not in here.
    pub write_units: f64,
    /// Times that a request was sent again.
    pub retries: u64,
    /// Answers that asked to slow down.
    pub throttles: u64,
}

tokio::task_local! {
    /// The meters around what runs, the innermost one.
    static METER: Arc<Meter>;
}

/// Adds up what is charged, for itself and for the one around it.
#[derive(Debug, Default)]
struct Meter {
    total: Mutex<Cost>,
    around: Option<Arc<Meter>>,
}

impl Cost {
    /// Runs `work` and tells what it was charged. An outer measurement counts it as well: the one that is under way
    /// where this function is called, wherever the future that it returns is polled.
    pub fn of<F: Future>(work: F) -> impl Future<Output = (F::Output, Self)> {
        let around = METER.try_with(Arc::clone).ok();
        let meter = Arc::new(Meter { total: Mutex::default(), around });
        // Not an `async` block: that would keep room for `work` twice, and every command goes through here.
        METER.scope(Arc::clone(&meter), work).map(move |output| {
            let total = *meter.total.lock().unwrap_or_else(PoisonError::into_inner);
            (output, total)
        })
    }

    /// Adds this to the measurements that are under way around the caller. For backends.
    pub fn charge(self) {
        let mut meter = METER.try_with(Arc::clone).ok();
        while let Some(charged) = meter {
            *charged.total.lock().unwrap_or_else(PoisonError::into_inner) += self;
            meter = charged.around.clone();
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.read_units += other.read_units;
        self.write_units += other.write_units;
        self.retries += other.retries;
        self.throttles += other.throttles;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(units: f64) -> Cost {
        Cost { requests: 1, read_units: units, ..Cost::default() }
    }

    #[tokio::test]
    async fn a_measurement_adds_up_what_happens_inside_it() {
        read(100.0).charge();
        let (inner, outer) = Cost::of(async {
            read(1.0).charge();
            let ((), inner) = Cost::of(async {
                read(2.0).charge();
                tokio::task::yield_now().await;
                Cost { retries: 3, throttles: 2, write_units: 4.0, ..read(0.5) }.charge();
            })
            .await;
            inner
        })
        .await;
        let expected =
            Cost { requests: 2, read_units: 2.5, write_units: 4.0, retries: 3, throttles: 2 };
        assert_eq!(inner, expected);
        assert_eq!((outer.requests, outer.read_units, outer.write_units), (3, 3.5, 4.0));
    }

    #[tokio::test]
    async fn measurements_side_by_side_are_kept_apart() {
        let work = |units: f64| async move {
            read(units).charge();
            tokio::task::yield_now().await;
            read(units).charge();
        };
        let (((), first), ((), second)) = futures::join!(Cost::of(work(1.0)), Cost::of(work(10.0)));
        assert_eq!((first.read_units, second.read_units), (2.0, 20.0));
    }
}
