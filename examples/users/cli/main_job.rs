//! Requests in, answers out.

use crate::aws::Place;
use crate::command_line::{AnyError, print};
use crate::http::Server;
use crate::users::report::{Conversation, conversation_text};
use crate::users::{api, conversation};

use super::opened::Opened;

pub(super) async fn run(place: &Place, json: bool) -> Result<(), AnyError> {
    let opened = Opened::new(place).await?;
    if !place.is_named() {
        // Before anything happens, so that it is known after a crash, too.
        eprintln!("note: the data is in {}; --data-dir DIR has it elsewhere", opened.place);
    }
    let server = Server::on_a_free_port().await?;
    let url = server.url()?;
    let (router, workers) = (api::router(opened.users.clone()), opened.users.start_workers());
    let exchanges = server.run_while(router, workers, conversation::with(&url)).await??;
    let report = Conversation::of(&exchanges, &opened.place);
    print(json, &report, || conversation_text(&exchanges, &opened.place))?;
    opened.close().await
}
