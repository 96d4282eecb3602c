//! The command line.

use std::error::Error as StdError;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::{Parser, Subcommand};
use es_core::{Version, ViewQuery};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::net::TcpListener;

use super::api;
use super::domain::Status;
use super::history;
use super::journey::{Journey, read_prescriptions};
use super::report::{Totals, dispenses_table, events_table};
use super::service::{Dispensary, Embedded};
use super::views::{DispenseDetail, DispenseSummary};

/// Dispense prescriptions, event-sourced.
///
/// Without a subcommand: takes the prescriptions of a directory, drives each through its life, and
/// prints what became of them.
#[derive(Debug, Parser)]
#[command(name = "dispensary", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where the data is [default: a fresh directory under the system's temporary directory]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print JSON, and nothing else, on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Take the .txt files of this directory [default: the shipped prescriptions]
    #[arg(long, value_name = "DIR")]
    prescriptions: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer HTTP requests on the loopback interface
    Serve {
        /// The port; 0 takes a free one
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
    /// List the dispenses
    List {
        /// Only those at this station: pending, analyzing, ready, complete, cancelled
        #[arg(long)]
        status: Option<Status>,
    },
    /// Show one dispense
    Show {
        /// Its id
        id: String,
        /// As it was at this version
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// Show the events of one dispense
    Events {
        /// Its id
        id: String,
    },
    /// Throw the views away and build them again from the log
    Rebuild,
}

type AnyError = Box<dyn StdError + Send + Sync>;

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

/// One sentence: what failed, and why, down to the cause.
fn fail(error: &(dyn StdError + 'static)) -> ExitCode {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        // Some errors repeat their cause in their own text.
        if !sentence.contains(&reason) {
            sentence.push_str(": ");
            sentence.push_str(&reason);
        }
        cause = error.source();
    }
    eprintln!("error: {sentence}");
    ExitCode::FAILURE
}

async fn run(arguments: Arguments) -> Result<(), AnyError> {
    let Arguments { command, data_dir, json, prescriptions } = arguments;
    if command.is_some() && prescriptions.is_some() {
        return Err("--prescriptions goes without a subcommand".into());
    }
    match command {
        None => dispense(data_dir, prescriptions, json).await,
        Some(Command::Serve { port }) => serve(data_dir, port).await,
        Some(Command::List { status }) => {
            let opened = Opened::existing(data_dir).await?;
            opened.dispensary.list.catch_up().await?;
            let dispenses = summaries(&opened.dispensary, status).await?;
            print(json, &dispenses, || dispenses_table(&dispenses))?;
            opened.close().await
        }
        Some(Command::Show { id, version }) => {
            let opened = Opened::existing(data_dir).await?;
            let dispenses = &opened.dispensary.dispenses;
            let loaded = match version {
                Some(version) => dispenses.load_at(&id, Version::new(version)).await?,
                None => dispenses.load(&id).await?,
            };
            let version = loaded.version().get();
            let detail = DispenseDetail::of(&id, version, loaded.into_state())
                .ok_or_else(|| format!("there is no dispense {id}"))?;
            // JSON is what people read best here, too.
            print(true, &detail, String::new)?;
            opened.close().await
        }
        Some(Command::Events { id }) => {
            let opened = Opened::existing(data_dir).await?;
            let events = history::of(&opened.dispensary.dispenses, &id).await?;
            if events.is_empty() {
                return Err(format!("there is no dispense {id}").into());
            }
            print(json, &events, || events_table(&events))?;
            opened.close().await
        }
        Some(Command::Rebuild) => rebuild(data_dir, json).await,
    }
}

/// The main job.
async fn dispense(
    data_dir: Option<PathBuf>,
    prescriptions: Option<PathBuf>,
    json: bool,
) -> Result<(), AnyError> {
    let began = Instant::now();
    let shipped = || Path::new(env!("CARGO_MANIFEST_DIR")).join("dispensary/prescriptions");
    let prescriptions = read_prescriptions(&prescriptions.unwrap_or_else(shipped))?;
    let opened = Opened::new(data_dir).await?;
    let mut workers = opened.dispensary.start_workers();
    let journey = Journey::new(api::router(opened.dispensary.clone()));
    tokio::select! {
        done = journey.dispense_all(prescriptions) => done?,
        failed = workers.failed() => failed?,
    }
    workers.shutdown().await?;
    let dispenses = summaries(&opened.dispensary, None).await?;
    let totals = Totals::of(&dispenses, began.elapsed(), &opened.directory);
    print(json, &totals, || format!("{}\n{}", dispenses_table(&dispenses), totals.to_text()))?;
    opened.close().await
}

async fn serve(data_dir: Option<PathBuf>, port: u16) -> Result<(), AnyError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("{address} cannot be listened on: {error}"))?;
    let opened = Opened::new(data_dir).await?;
    let mut workers = opened.dispensary.start_workers();
    let mut out = std::io::stdout();
    writeln!(out, "data: {}", opened.directory.display())?;
    writeln!(out, "listening on http://{}", listener.local_addr()?)?;
    out.flush()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, api::router(opened.dispensary.clone()))
        .with_graceful_shutdown(async {
            // A dropped sender stops the server just as well.
            let _ = stopped.await;
        })
        .into_future();
    let mut server = std::pin::pin!(server);
    tokio::select! {
        ended = &mut server => ended?,
        failed = workers.failed() => failed?,
        signal = shutdown_signal() => {
            signal?;
            drop(stop);
            server.await?;
        }
    }
    workers.shutdown().await?;
    opened.close().await
}

/// Returns when the operator asks the program to stop.
async fn shutdown_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

async fn rebuild(data_dir: Option<PathBuf>, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(data_dir).await?;
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{msg:>6} {wide_bar} {pos}/{len} commits, {eta} left",
    )?);
    opened
        .dispensary
        .rebuild(|view, step| {
            bar.set_message(view);
            bar.set_length(step.applied + step.remaining.unwrap_or(0));
            bar.set_position(step.applied);
        })
        .await?;
    bar.finish_and_clear();
    let dispenses = summaries(&opened.dispensary, None).await?;
    let rebuilt = serde_json::json!({ "dispenses": dispenses.len() });
    print(json, &rebuilt, || format!("the views are built again: {} dispenses", dispenses.len()))?;
    opened.close().await
}

/// An open data directory.
struct Opened {
    directory: PathBuf,
    embedded: Embedded,
    dispensary: Arc<Dispensary>,
}

impl Opened {
    /// The given directory, made if need be, or a fresh one.
    async fn new(data_dir: Option<PathBuf>) -> Result<Self, AnyError> {
        let fresh = || {
            let name = format!("dispensary-{}", uuid::Uuid::now_v7().simple());
            std::env::temp_dir().join(name)
        };
        let directory = data_dir.unwrap_or_else(fresh);
        let embedded = Embedded::open(&directory).await?;
        Self::with(directory, embedded).await
    }

    /// The given directory, which must have data.
    async fn existing(data_dir: Option<PathBuf>) -> Result<Self, AnyError> {
        let directory = data_dir.ok_or("--data-dir DIR says whose data this is about")?;
        let embedded = Embedded::open_existing(&directory).await?;
        Self::with(directory, embedded).await
    }

    async fn with(directory: PathBuf, embedded: Embedded) -> Result<Self, AnyError> {
        let directory = std::path::absolute(directory)?;
        let dispensary = Arc::new(Dispensary::new(embedded.backend()).await?);
        Ok(Self { directory, embedded, dispensary })
    }

    async fn close(self) -> Result<(), AnyError> {
        drop(self.dispensary);
        Ok(self.embedded.close().await?)
    }
}

/// All dispenses of the list, page by page.
async fn summaries(
    dispensary: &Dispensary,
    status: Option<Status>,
) -> Result<Vec<DispenseSummary>, AnyError> {
    const PAGE: usize = 500;
    let mut query = ViewQuery::default().limit(PAGE);
    if let Some(status) = status {
        query = query.equals("status", status.as_str());
    }
    let mut summaries = Vec::new();
    loop {
        let page = dispensary.list.view().list(&query).await?;
        let complete = page.len() < PAGE;
        if let Some((last, _)) = page.last() {
            query = query.after(last.clone());
        }
        summaries.extend(page.into_iter().map(|(_, summary)| summary));
        if complete {
            return Ok(summaries);
        }
    }
}

fn print<T: Serialize>(
    json: bool,
    value: &T,
    text: impl FnOnce() -> String,
) -> Result<(), AnyError> {
    let text = if json { serde_json::to_string_pretty(value)? } else { text() };
    // A reader that has seen enough, as `head`, is no error.
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
