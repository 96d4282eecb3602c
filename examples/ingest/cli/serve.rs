//! Taking readings in until the operator asks the program to stop.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use clap::Args;
use es_core::Backoff;

use crate::command_line::{AnyError, Signals, length_of_time, print_line};
use crate::http::{Metrics, Server, ServerArguments};
use crate::ingest::api::{self, App};
use crate::ingest::service::{Ingest, Options};
use crate::ingest::stations::{KnownStations, Outage, Unreliable};

use super::opened::Opened;
use super::place::Place;
use super::roles::{Role, Roles};

/// Every process answers `GET /metrics` and `GET /health`, on the loopback interface.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Only these parts of the work; other processes do the rest [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ROLES")]
    roles: Vec<Role>,
    /// Let pages of this origin ask, as https://example.org; may be repeated [default: all origins]
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    origins: Vec<HeaderValue>,
    /// The pause between two scans of the directory
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = length_of_time)]
    scan_every: Duration,
    #[command(flatten)]
    processing: ProcessingArguments,
}

/// How submissions are processed.
#[derive(Debug, Args)]
pub(super) struct ProcessingArguments {
    /// The longest wait before the second attempt at an event; it doubles with each further one
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = length_of_time)]
    retry_after: Duration,
    /// How long the record of an event is kept after it was processed; the log keeps what happened. All processes
    /// that bring records up to date are to be told the same
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = length_of_time)]
    keep: Duration,
    /// The station register does not answer about this station, for ever or so many times, as zugspitze=2;
    /// may be repeated. For seeing what happens then
    #[arg(long = "outage", value_name = "STATION[=TIMES]")]
    outages: Vec<Outage>,
}

impl ProcessingArguments {
    fn options(self) -> Options {
        let register = Arc::new(Unreliable::new(KnownStations, self.outages));
        let backoff = Backoff { base: self.retry_after, max: Duration::from_secs(5 * 60) };
        Options { keep: self.keep, backoff, register }
    }
}

pub(super) async fn run(place: &Place, arguments: Arguments) -> Result<(), AnyError> {
    let Arguments { server, roles, origins, scan_every, processing } = arguments;
    let shares_the_work = !roles.is_empty();
    let roles = Roles::of(roles);
    let server = Server::bind(server).await?;
    let metrics = Metrics::install()?;
    let opened = match shares_the_work {
        true => Opened::named(place, processing.options()).await?,
        false => Opened::new(place, processing.options()).await?,
    };
    if roles.has(Role::Process) {
        opened.check_files().await?;
    }
    let app = App { ingest: opened.ingest.clone(), metrics: metrics.clone() };
    let router = match roles.has(Role::Api) {
        true => api::router(app, origins),
        false => api::operations_router(app),
    };
    let workers = roles.start_workers(&opened.ingest);
    let signals = Signals::listen()?;
    print_line(format!("data: {}", opened.place))?;
    print_line(format!("listening on {}", server.url()?))?;
    let watching = watch(&opened.ingest, &roles, scan_every);
    tokio::select! {
        worked = server.run(signals, router, workers, watching) => worked?,
        never = metrics.keep_up() => match never {},
    }
    opened.close().await
}

/// Watches the directory, if there is one and that is among the roles.
async fn watch(ingest: &Ingest, roles: &Roles, scan_every: Duration) -> Infallible {
    match ingest.watcher().filter(|_| roles.has(Role::Watch)) {
        Some(watcher) => watcher.run(scan_every).await,
        None => std::future::pending().await,
    }
}
