//! Orders in, an account of all of them out.

use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use es_core::Repository;

use crate::aws::Place;
use crate::command_line::{AnyError, print};
use crate::inventory::audit::Audit;
use crate::inventory::chance::Chance;
use crate::inventory::journey::{Journey, Plan};
use crate::inventory::outcome::{Outcome, Run};
use crate::inventory::payments::{Rates, SimulatedProvider};
use crate::inventory::report::outcome_text;

use super::opened::Opened;

/// What the main job is made of.
#[derive(Debug, Args)]
#[command(next_help_heading = "Main job")]
pub(super) struct Scale {
    /// How many orders are taken [default: 300]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    orders: Option<u32>,
    /// How many different items there are [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    items: Option<u32>,
    /// How many of each item there are at the beginning [default: 40]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    stock: Option<u32>,
    /// The part of the payments that is declined [default: 0.1]
    #[arg(long, value_name = "0..1", value_parser = rate)]
    decline_rate: Option<f64>,
    /// The part of the payments that is never answered [default: 0.05]
    #[arg(long, value_name = "0..1", value_parser = rate)]
    silent_rate: Option<f64>,
    /// The part of the refunds that is refused, however often they are asked for: those workflows are parked
    /// [default: 0.1]
    #[arg(long, value_name = "0..1", value_parser = rate)]
    refuse_refund_rate: Option<f64>,
    /// Leave parked workflows to `inventory resume`, and do not have them resumed in the end
    #[arg(long)]
    leave_parked: bool,
    /// How often all processors are killed [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000))]
    crashes: Option<u32>,
    /// What everything that happens by chance comes from [default: 1]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

impl Scale {
    /// Refuses what is about the main job where something else is asked for.
    pub(super) fn check_not_given(&self) -> Result<(), AnyError> {
        let given = [
            self.orders.map(|_| "--orders"),
            self.items.map(|_| "--items"),
            self.stock.map(|_| "--stock"),
            self.decline_rate.map(|_| "--decline-rate"),
            self.silent_rate.map(|_| "--silent-rate"),
            self.refuse_refund_rate.map(|_| "--refuse-refund-rate"),
            self.leave_parked.then_some("--leave-parked"),
            self.crashes.map(|_| "--crashes"),
            self.seed.map(|_| "--seed"),
        ];
        match given.into_iter().flatten().next() {
            Some(flag) => Err(format!("{flag} goes with the main job").into()),
            None => Ok(()),
        }
    }

    fn rates(&self) -> Rates {
        Rates {
            declined: self.decline_rate.unwrap_or(0.1),
            silent: self.silent_rate.unwrap_or(0.05),
            refund_refused: self.refuse_refund_rate.unwrap_or(0.1),
        }
    }

    fn plan(&self) -> Plan {
        Plan {
            orders: self.orders.unwrap_or(300),
            items: self.items.unwrap_or(8),
            stock: self.stock.unwrap_or(40),
            crashes: self.crashes.unwrap_or(8),
            seed: self.seed.unwrap_or(1),
        }
    }
}

/// Reads a rate.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or_else(|| format!("{text:?} is not a rate from 0 to 1"))
}

pub(super) async fn run(place: &Place, scale: &Scale, json: bool) -> Result<(), AnyError> {
    let opened = Opened::new(place).await?;
    if !place.is_named() {
        // Before anything happens, so that it is known after a crash, too.
        eprintln!("note: the data is in {}; --data-dir DIR has it elsewhere", opened.place);
    }
    let outcome = travel(&opened, scale).await?;
    print(json, &outcome, || outcome_text(&outcome))?;
    opened.close().await?;
    match outcome.violated().as_slice() {
        [] => Ok(()),
        violated => Err(format!("it does not hold: {}", violated.join("; ")).into()),
    }
}

async fn travel(opened: &Opened, scale: &Scale) -> Result<Outcome, AnyError> {
    let began = Instant::now();
    let plan = scale.plan();
    let books = Repository::new(opened.backend.log.clone());
    let provider = SimulatedProvider::new(books, Chance::from_seed(plan.seed), scale.rates());
    let (backend, clock) = (opened.backend.clone(), opened.clock.clone());
    let mut journey = Journey::new(plan, backend, Arc::new(provider.clone()), clock).await?;
    journey.go().await?;
    if !scale.leave_parked {
        journey.resume_parked(Arc::new(provider.talked_to())).await?;
    }
    let run = Run {
        crashes: journey.crashes(),
        seconds: began.elapsed().as_secs_f64(),
        data: opened.place.clone(),
    };
    let audit = Audit::of(&*opened.backend.history).await?;
    Ok(Outcome::of(&audit, run))
}
