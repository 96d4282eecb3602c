//! Answering HTTP requests.

use clap::Args;

use crate::command_line::{AnyError, Signals, print_line};
use crate::dispensary::api;
use crate::http::{Server, ServerArguments};

use super::opened::Opened;
use super::place::Place;
use super::roles::{Role, Roles};
use super::work;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Only these parts of the work; without `api` nothing listens [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ROLES")]
    roles: Vec<Role>,
}

pub(super) async fn run(place: Place, arguments: Arguments) -> Result<(), AnyError> {
    let Arguments { server, roles } = arguments;
    let roles = Roles::of(roles, &place)?;
    if !roles.has(Role::Api) {
        return work::run(place, &roles).await;
    }
    let server = Server::bind(server).await?;
    let opened = Opened::new(place).await?;
    let workers = roles.consumers(&opened.dispensary).start();
    let signals = Signals::listen()?;
    print_line(format_args!("data: {}", opened.place))?;
    print_line(format_args!("listening on {}", server.url()?))?;
    let router = api::router(opened.dispensary.clone());
    server.run(signals, router, workers, std::future::pending()).await?;
    opened.close().await
}
