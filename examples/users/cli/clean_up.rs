//! Removing all data.

use serde_json::json;

use crate::aws::{BackendKind, Place};
use crate::command_line::{AnyError, print};
use crate::users::backend::Embedded;

use super::{MAKERS, PROGRAM};

pub(super) fn run(place: &Place, yes: bool, json: bool) -> Result<(), AnyError> {
    place.check_flags()?;
    place.check_makes_nothing(MAKERS)?;
    place.check_named()?;
    if place.backend == BackendKind::Aws {
        let message = "on AWS the stack is deleted, and then what it leaves on purpose: the tables";
        return Err(message.into());
    }
    if !yes {
        return Err("--yes says that all users are to be removed".into());
    }
    let directory = place.directory(PROGRAM);
    Embedded::remove(&directory)?;
    let removed = json!({ "removed": directory });
    print(json, &removed, || format!("all users in {} are removed", directory.display()))
}
