//! What became of the orders.

use std::collections::BTreeMap;

use serde::Serialize;

use super::audit::{Audit, OrderFacts};
use super::invariants::{Invariant, check};

/// What became of all orders in the data.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// How many there are.
    pub orders: usize,
    /// Those that were completed.
    pub completed: Group,
    /// Those that were undone, by reason.
    pub compensated: BTreeMap<String, Group>,
    /// Those of which a part could not be undone.
    pub partly_compensated: usize,
    /// Those that wait for an operator.
    pub parked: usize,
    /// Those that had waited for an operator, who had them go on; they are among those above.
    pub resumed: usize,
    /// Those that are on their way.
    pub running: usize,
    /// How many charges the provider has made.
    pub charges: usize,
    /// How many of them it has given back.
    pub refunds: usize,
    /// How often all processors were killed in this run.
    pub crashes: u64,
    /// What must hold.
    pub invariants: Vec<Invariant>,
    /// How long this run took.
    pub seconds: f64,
    /// Where the data is.
    pub data: String,
}

/// Orders that came to the same end.
#[derive(Debug, Default, Serialize)]
pub struct Group {
    /// How many.
    pub orders: usize,
    /// How long their workflows took; none where there are no orders.
    #[serde(flatten)]
    pub times: Option<Times>,
}

/// How long workflows took, by the clock of the run, in milliseconds: half of them at most so long, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Times {
    /// One in two.
    pub p50_ms: f64,
    /// Nine in ten.
    pub p90_ms: f64,
    /// 99 in a hundred.
    pub p99_ms: f64,
    /// All.
    pub max_ms: f64,
}

/// What a run has to say besides the log.
#[derive(Debug)]
pub struct Run {
    /// How often all processors were killed.
    pub crashes: u64,
    /// How long it took.
    pub seconds: f64,
    /// Where the data is.
    pub data: String,
}

impl Outcome {
    /// What the log says, with what the run says.
    pub fn of(audit: &Audit, run: Run) -> Self {
        let orders: Vec<&OrderFacts> = audit.orders.values().collect();
        let ended_as = |outcome: &str| {
            let outcome = outcome.to_owned();
            orders.iter().filter(move |it| it.outcome.as_ref() == Some(&outcome)).copied()
        };
        let mut by_reason = BTreeMap::<String, Vec<&OrderFacts>>::new();
        for order in ended_as("compensated") {
            let reason = order.reason.clone().unwrap_or_else(|| "unknown".to_owned());
            by_reason.entry(reason).or_default().push(order);
        }
        let groups = by_reason.into_iter().map(|(reason, orders)| (reason, Group::of(&orders)));
        let count = |which: fn(&OrderFacts) -> bool| orders.iter().filter(|it| which(it)).count();
        Self {
            orders: orders.len(),
            completed: Group::of(&ended_as("completed").collect::<Vec<_>>()),
            compensated: groups.collect(),
            partly_compensated: ended_as("partly compensated").count(),
            parked: count(OrderFacts::is_parked),
            resumed: count(|order| order.resumed > 0 && !order.is_parked()),
            running: count(|order| order.outcome.is_none() && !order.is_parked()),
            charges: orders.iter().map(|order| order.charges.len()).sum(),
            refunds: count(|order| order.refunded > Default::default()),
            crashes: run.crashes,
            invariants: check(audit),
            seconds: run.seconds,
            data: run.data,
        }
    }

    /// The names of the invariants that do not hold.
    pub fn violated(&self) -> Vec<&'static str> {
        self.invariants.iter().filter(|it| !it.holds).map(|it| it.name).collect()
    }
}

impl Group {
    fn of(orders: &[&OrderFacts]) -> Self {
        let millis = |order: &&OrderFacts| {
            let took = order.ended_at?.duration_since(order.began_at?);
            Some(took.as_secs_f64() * 1000.0)
        };
        Self { orders: orders.len(), times: Times::of(orders.iter().filter_map(millis).collect()) }
    }
}

impl Times {
    fn of(mut millis: Vec<f64>) -> Option<Self> {
        millis.sort_by(f64::total_cmp);
        // The least that so many percent are not above.
        let percentile = |percent: usize| {
            let rank = (millis.len() * percent).div_ceil(100);
            millis.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            p50_ms: percentile(50)?,
            p90_ms: percentile(90)?,
            p99_ms: percentile(99)?,
            max_ms: percentile(100)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_taken() {
        assert_eq!(Times::of(vec![]), None);
        let one = Times { p50_ms: 7.0, p90_ms: 7.0, p99_ms: 7.0, max_ms: 7.0 };
        assert_eq!(Times::of(vec![7.0]), Some(one));
        let many = (1..=200).rev().map(f64::from).collect();
        let times = Times { p50_ms: 100.0, p90_ms: 180.0, p99_ms: 198.0, max_ms: 200.0 };
        assert_eq!(Times::of(many), Some(times));
    }
}
