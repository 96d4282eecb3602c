//! Answering HTTP requests.

use crate::aws::Place;
use crate::command_line::{AnyError, Signals, print_line};
use crate::http::{Server, ServerArguments};
use crate::users::api;

use super::opened::Opened;

pub(super) async fn run(place: &Place, server: ServerArguments) -> Result<(), AnyError> {
    let server = Server::bind(server).await?;
    let opened = Opened::new(place).await?;
    let workers = opened.users.start_workers();
    let signals = Signals::listen()?;
    print_line(format_args!("data: {}", opened.place))?;
    print_line(format_args!("listening on {}", server.url()?))?;
    let router = api::router(opened.users.clone());
    server.run(signals, router, workers, std::future::pending()).await?;
    opened.close().await
}
