//! The infrastructure on AWS, as text.

use crate::command_line::AnyError;
#[cfg(feature = "aws")]
use crate::{command_line::print, ingest::infrastructure};

#[cfg(feature = "aws")]
pub(super) fn run() -> Result<(), AnyError> {
    // JSON is what CloudFormation reads.
    print(true, &infrastructure::template()?, String::new)
}

#[cfg(not(feature = "aws"))]
pub(super) fn run() -> Result<(), AnyError> {
    Err("this program was built without AWS: build it with `--features aws`".into())
}
