//! Processing orders until the operator asks the program to stop.

use std::sync::Arc;
use std::time::Duration;

use crate::command_line::{AnyError, Signals, print_line};
use crate::orders::payments::SimulatedPayments;

use super::opened::Opened;
use super::place::Place;
use super::stop::Stops;

pub(super) async fn run(
    place: &Place,
    broken_for: Vec<String>,
    payment_takes: Duration,
) -> Result<(), AnyError> {
    let payments = SimulatedPayments::broken_for(broken_for).taking(payment_takes);
    let opened = Opened::named_with(place, Arc::new(payments)).await?;
    let (stops, stopped) = Stops::for_this_process();
    let mut workers = opened.orders.start_workers();
    workers.start_queue(Arc::new(stops.consumer(&opened.backend)?));
    let consumers = opened.orders.consumers();
    let mut names: Vec<&str> = consumers.iter().map(|consumer| consumer.id().as_str()).collect();
    names.push(opened.orders.processor.name());
    let announce = async {
        print_line(format_args!("data: {}", opened.place))?;
        print_line(format_args!("at work: {}", names.join(", ")))?;
        workers.failed().await.map_err(AnyError::from)
    };
    let mut signals = Signals::listen()?;
    tokio::select! {
        // In this order: who reads that it is at work can stop it.
        biased;
        received = signals.received() => received?,
        () = stopped.notified() => {}
        failed = announce => failed?,
    }
    signals.unless_received(async { Ok(workers.shutdown().await?) }).await?;
    opened.close().await
}
