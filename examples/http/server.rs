//! Answering requests over TCP, until the operator asks the program to stop.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::http::StatusCode;
use axum::serve::Listener;
use axum::{BoxError, Router};
use clap::Args;
use es_core::Workers;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::ServiceBuilder;
use tower::timeout::TimeoutLayer;

use crate::command_line::{AnyError, Signals, length_of_time};

use super::Problem;

/// Where a server listens, and how it ends.
#[derive(Debug, Args)]
pub struct ServerArguments {
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// How long clients have to end their requests when it is stopped; who has not ended then is hung up on. Asked
    /// a second time, it ends at once
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = length_of_time)]
    drain_time: Duration,
}

/// A server on the loopback interface.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    limits: Limits,
}

/// How long a server has patience with a client.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// For the head of a request, and between two requests.
    head: Duration,
    /// For the rest: the body, and what it takes to answer.
    request: Duration,
    /// For all requests at hand when the server is to end.
    drain: Duration,
}

impl Limits {
    const HEAD: Duration = Duration::from_secs(10);
    /// Longer than any answer is waited for here.
    const REQUEST: Duration = Duration::from_secs(30);
}

impl Server {
    /// Listens. Nobody is answered yet.
    ///
    /// # Errors
    ///
    /// When the port cannot be listened on.
    pub async fn bind(arguments: ServerArguments) -> Result<Self, AnyError> {
        let ServerArguments { port, drain_time } = arguments;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("{address} cannot be listened on: {error}"))?;
        let limits = Limits { head: Limits::HEAD, request: Limits::REQUEST, drain: drain_time };
        Ok(Self { listener, limits })
    }

    /// The same on a free port, for whoever is told where.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn on_a_free_port() -> Result<Self, AnyError> {
        const DRAIN_TIME: Duration = Duration::from_secs(10);
        Self::bind(ServerArguments { port: 0, drain_time: DRAIN_TIME }).await
    }

    /// Where it is reached.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn url(&self) -> io::Result<String> {
        Ok(format!("http://{}", self.listener.local_addr()?))
    }

    /// Answers requests beside `workers`, and beside what runs until it is dropped, until the operator asks the
    /// program to stop. All of them begin to end then, so that a slow client keeps nobody at work. Who tells others
    /// that the program runs listens to signals before.
    ///
    /// # Errors
    ///
    /// The error that a worker stopped at, and when the operator asked twice.
    pub async fn run(
        self,
        mut signals: Signals,
        router: Router,
        workers: Workers,
        beside: impl Future<Output = Infallible>,
    ) -> Result<(), AnyError> {
        let (stop, stopped) = oneshot::channel::<()>();
        let mut running = pin!(self.run_until(router, workers, beside, dropped(stopped)));
        tokio::select! {
            ended = &mut running => return ended,
            received = signals.received() => received?,
        }
        drop(stop);
        signals.unless_received(running).await
    }

    /// Answers requests beside `workers` until a visit is done, and says what came of it. Then all of them end.
    ///
    /// # Errors
    ///
    /// The error that a worker stopped at.
    pub async fn run_while<T>(
        self,
        router: Router,
        workers: Workers,
        visit: impl Future<Output = T>,
    ) -> Result<T, AnyError> {
        let (stop, stopped) = oneshot::channel::<()>();
        let running = self.run_until(router, workers, std::future::pending(), dropped(stopped));
        let visit = async {
            let visited = visit.await;
            drop(stop);
            Ok(visited)
        };
        let ((), visited) = tokio::try_join!(running, visit)?;
        Ok(visited)
    }

    async fn run_until(
        self,
        router: Router,
        mut workers: Workers,
        beside: impl Future<Output = Infallible>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), AnyError> {
        let (stop_answering, stopped) = oneshot::channel::<()>();
        let mut answering = pin!(self.answer(router, dropped(stopped)));
        tokio::select! {
            never = beside => match never {},
            () = &mut answering => {}
            failed = workers.failed() => failed?,
            () = stop => {}
        }
        drop(stop_answering);
        let ((), ended) = tokio::join!(answering, workers.shutdown());
        Ok(ended?)
    }

    /// Answers requests until `stop`. Those at hand are answered then, as far as they come in time.
    async fn answer(self, router: Router, stop: impl Future<Output = ()>) {
        let Self { mut listener, limits } = self;
        let router = limits.of_requests(router);
        let (stopping, _) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                (stream, _) = Listener::accept(&mut listener) => {
                    let stopping = stopping.subscribe();
                    connections.spawn(converse(stream, router.clone(), limits.head, stopping));
                }
                Some(_) = connections.join_next() => {}
                () = &mut stop => break,
            }
        }
        drop(listener);
        stopping.send_replace(true);
        let all_ended = async { while connections.join_next().await.is_some() {} };
        // Dropped, those that are left hang up.
        if timeout(limits.drain, all_ended).await.is_err() {
            tracing::warn!(connections = connections.len(), "clients did not end their requests");
        }
    }
}

/// Returns when the other end is dropped.
async fn dropped(other_end: oneshot::Receiver<()>) {
    let _ = other_end.await;
}

impl Limits {
    fn of_requests(&self, router: Router) -> Router {
        // The only error of the layer, as routers have none.
        let too_slow = HandleErrorLayer::new(async |_: BoxError| {
            Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                "It took too long",
                "the request was not there, or not answered, in time",
            )
        });
        router.layer(ServiceBuilder::new().layer(too_slow).layer(TimeoutLayer::new(self.request)))
    }
}

/// Answers the requests of one connection, and at last that at hand.
async fn converse(
    stream: TcpStream,
    router: Router,
    patience: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { drop(stopping.wait_for(|stopping| *stopping).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        let cause = &error as &dyn std::error::Error;
        tracing::debug!(cause, "a connection ended in the middle");
    }
}

#[cfg(test)]
mod tests;
