//! Work without an API: following a feed until the operator asks the program to stop.

use std::io::Write as _;

use es_core::Consumers;

use crate::command_line::{AnyError, Signals};

use super::opened::Opened;
use super::place::Place;
use super::roles::{Role, Roles};

/// The roles of `serve` but for the API.
pub(super) async fn run(place: Place, roles: &Roles) -> Result<(), AnyError> {
    let opened = Opened::named(place).await?;
    let consumers = roles.consumers(&opened.dispensary);
    until_stopped(opened, &consumers).await
}

pub(super) async fn publish(place: Place) -> Result<(), AnyError> {
    let roles = Roles::of(vec![Role::Publish], &place)?;
    run(place, &roles).await
}

/// Brings these views up to date, or all.
pub(super) async fn project(place: Place, views: &[String]) -> Result<(), AnyError> {
    let opened = Opened::named(place).await?;
    let projections = opened.projections(views)?;
    until_stopped(opened, &projections).await
}

async fn until_stopped(opened: Opened, consumers: &Consumers) -> Result<(), AnyError> {
    let mut workers = consumers.start();
    let names: Vec<&str> = consumers.iter().map(|consumer| consumer.id().as_str()).collect();
    let mut out = std::io::stdout();
    writeln!(out, "data: {}", opened.place)?;
    writeln!(out, "at work: {}", names.join(", "))?;
    out.flush()?;
    let mut signals = Signals::listen()?;
    tokio::select! {
        failed = workers.failed() => failed?,
        received = signals.received() => received?,
    }
    signals.unless_received(async { Ok(workers.shutdown().await?) }).await?;
    opened.close().await
}
