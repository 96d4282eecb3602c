//! Orders in, notifications out.

use std::sync::Arc;
use std::time::Instant;

use es_core::{Clock as _, SystemClock, Workers};

use crate::command_line::{AnyError, print};
use crate::orders::journey::{Journey, UNPAYABLE};
use crate::orders::payments::SimulatedPayments;
use crate::orders::report::{Totals, by_status, orders_table, per_minute};

use super::opened::Opened;
use super::orders::summaries;
use super::place::Place;

pub(super) async fn run(place: &Place, count: u32, json: bool) -> Result<(), AnyError> {
    let payments = Arc::new(SimulatedPayments::broken_for([UNPAYABLE.to_owned()]));
    let opened = Opened::new(place, payments.clone()).await?;
    if !place.is_named() {
        // Before anything happens, so that it is known after a crash, too.
        eprintln!("note: the data is in {}; --data-dir DIR has it elsewhere", opened.place);
    }
    let mut workers = opened.orders.start_workers();
    let done = travel(&opened, &payments, count, &mut workers).await;
    // Also when it failed: what is in hand is given back.
    workers.shutdown().await?;
    let totals = done?;
    let orders = summaries(&opened.orders, None).await?;
    print(json, &totals, || format!("{}\n{}", orders_table(&orders), totals.to_text()))?;
    opened.close().await
}

/// The whole journey, as long as nobody who works for it fails.
async fn travel(
    opened: &Opened,
    payments: &SimulatedPayments,
    orders: u32,
    workers: &mut Workers,
) -> Result<Totals, AnyError> {
    let journey = Journey::new(&opened.orders, payments, &SystemClock);
    journey.start_subscribers(&opened.backend, workers)?;
    tokio::select! {
        totals = go_through(opened, &journey, orders) => totals,
        failed = workers.failed() => match failed {
            Ok(()) => Err("the workers have stopped".into()),
            Err(error) => Err(error.into()),
        },
    }
}

async fn go_through(
    opened: &Opened,
    journey: &Journey<'_>,
    orders: u32,
) -> Result<Totals, AnyError> {
    let (began_at, began) = (SystemClock.now(), Instant::now());
    let taken = journey.take(orders).await?;
    let taking = began.elapsed();
    journey.process_what_can_be(&taken).await?;
    let redriven = journey.bring_back(&taken).await?;
    let processing = began.elapsed();
    journey.repeat_all(began_at).await?;
    let notifications = journey.notifications(&taken.orders).await?;

    let worked = opened.orders.processor.health().await?.worked;
    let count = taken.orders.len() as u64;
    let listed = summaries(&opened.orders, None).await?;
    Ok(Totals {
        accepted: count,
        repeated_requests: taken.repeated,
        // All of them: otherwise the journey would not have come to here.
        processed: count,
        duplicates: worked.duplicates,
        retried: worked.retried,
        dead_lettered: worked.dead_lettered,
        redriven,
        notifications,
        by_status: by_status(&listed),
        accepted_per_minute: per_minute(count, taking),
        processed_per_minute: per_minute(count, processing),
        seconds: began.elapsed().as_secs_f64(),
        data: opened.place.clone(),
    })
}
