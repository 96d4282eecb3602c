//! Removing all data.

use serde_json::json;

use crate::aws::{BackendKind, Place};
use crate::command_line::{AnyError, print};
use crate::inventory::backend::Embedded;

use super::{MAKERS, PROGRAM};

pub(super) fn run(place: &Place, yes: bool, json: bool) -> Result<(), AnyError> {
    place.check_flags()?;
    place.check_makes_nothing(MAKERS)?;
    place.check_named()?;
    if place.backend == BackendKind::Aws {
        let message = "on AWS the stack is deleted, and then what it leaves on purpose: the tables, \
                       the queues, and their key";
        return Err(message.into());
    }
    if !yes {
        return Err("--yes says that all of the inventory is to be removed".into());
    }
    let directory = place.directory(PROGRAM);
    Embedded::remove(&directory)?;
    let removed = json!({ "removed": directory });
    print(json, &removed, || format!("the inventory in {} is removed", directory.display()))
}
