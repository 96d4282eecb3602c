//! Answering HTTP requests.

use std::future::IntoFuture as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::command_line::{AnyError, shutdown_signal};
use crate::dispensary::api;

use super::opened::Opened;
use super::place::Place;
use super::roles::{Role, Roles};
use super::work;

pub(super) async fn run(place: Place, port: u16, roles: Vec<Role>) -> Result<(), AnyError> {
    let roles = Roles::of(roles, &place)?;
    if !roles.has(Role::Api) {
        return work::run(place, &roles).await;
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("{address} cannot be listened on: {error}"))?;
    let opened = Opened::new(place).await?;
    let mut workers = roles.consumers(&opened.dispensary).start();
    let mut out = std::io::stdout();
    writeln!(out, "data: {}", opened.place)?;
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
