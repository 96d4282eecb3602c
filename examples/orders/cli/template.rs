//! The infrastructure on AWS, as text.

use clap::Args;

use crate::command_line::AnyError;
#[cfg(feature = "aws")]
use crate::{command_line::print, orders::infrastructure};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Leave the functions out: for programs that run elsewhere, by `work`
    #[arg(long)]
    without_functions: bool,
}

#[cfg(feature = "aws")]
pub(super) fn run(arguments: &Arguments) -> Result<(), AnyError> {
    let template = match arguments.without_functions {
        true => infrastructure::template_without_functions()?,
        false => infrastructure::template()?,
    };
    // JSON is what CloudFormation reads.
    print(true, &template, String::new)
}

#[cfg(not(feature = "aws"))]
pub(super) fn run(_: &Arguments) -> Result<(), AnyError> {
    Err("this program was built without AWS: build it with `--features aws`".into())
}
