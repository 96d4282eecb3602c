//! The infrastructure on AWS, as text.

use crate::command_line::AnyError;
#[cfg(feature = "aws")]
use crate::{command_line::print, inventory::infrastructure};

use super::place::Place;

/// Prints the template for the tables, bus and queues that `place` names.
#[cfg(feature = "aws")]
pub(super) fn run(place: &Place) -> Result<(), AnyError> {
    let template = infrastructure::template(place.prefix())?;
    // JSON is what CloudFormation reads.
    print(true, &template, String::new)
}

#[cfg(not(feature = "aws"))]
pub(super) fn run(_: &Place) -> Result<(), AnyError> {
    Err("this program was built without AWS: build it with `--features aws`".into())
}
