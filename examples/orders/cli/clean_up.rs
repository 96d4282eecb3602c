//! Removing all data.

use serde_json::json;

use crate::command_line::{AnyError, print};
use crate::orders::backend::Embedded;

use super::place::{BackendKind, Place};
use super::prompt::Prompt;

pub(super) fn run(place: &Place, yes: bool, json: bool) -> Result<(), AnyError> {
    place.check_flags()?;
    place.check_named()?;
    if place.backend == BackendKind::Aws {
        let message = "on AWS the stack is deleted, and then what it leaves on purpose: the tables, \
                       the queues, and their key";
        return Err(message.into());
    }
    let directory = place.directory();
    let question = format!("Remove all orders in {}?", directory.display());
    let confirmed = match Prompt::on_terminal() {
        _ if yes => true,
        Some(prompt) => prompt.confirms(&question)?,
        None => return Err("--yes says that all orders are to be removed".into()),
    };
    if !confirmed {
        return Err("nothing is removed".into());
    }
    Embedded::remove(&directory)?;
    let removed = json!({ "removed": directory });
    print(json, &removed, || format!("all orders in {} are removed", directory.display()))
}
