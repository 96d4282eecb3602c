//! What a system needs on AWS, as text.

use clap::Args;
use es_core::Error;
use serde_json::Value;

use crate::command_line::{AnyError, print};

/// Makes a template of CloudFormation.
pub type MakeTemplate = fn() -> Result<Value, Error>;

/// Prints a template. A program that was built without AWS has none.
///
/// # Errors
///
/// A sentence about what was not built; what making and printing fail at.
pub fn print_template(template: Option<MakeTemplate>) -> Result<(), AnyError> {
    match template {
        // JSON is what CloudFormation reads.
        Some(make) => print(true, &make()?, String::new),
        None => Err("this program was built without AWS: build it with `--features aws`".into()),
    }
}

/// Which template of a system is meant.
#[derive(Debug, Clone, Copy, Args)]
pub struct TemplateArguments {
    /// Leave the functions out: for programs that run elsewhere
    #[arg(long)]
    without_functions: bool,
}

/// The templates of a system, which are there in a program that was built with AWS.
#[derive(Debug, Clone, Copy)]
pub struct Templates {
    /// Of all that it needs, and the functions that it runs in.
    pub whole: MakeTemplate,
    /// Of all that programs need which run elsewhere.
    pub without_functions: MakeTemplate,
}

impl TemplateArguments {
    /// Prints the one that is meant.
    ///
    /// # Errors
    ///
    /// As [`print_template`].
    pub fn print(self, templates: Option<Templates>) -> Result<(), AnyError> {
        print_template(templates.map(|it| match self.without_functions {
            true => it.without_functions,
            false => it.whole,
        }))
    }
}
