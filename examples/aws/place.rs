use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::DataArguments;
use crate::command_line::{AnyError, default_directory};

/// Where the data is of a system that has all of it in one place: a directory, or AWS.
#[derive(Debug, Args)]
pub struct Place {
    /// Where the database is [default: a fresh directory under the system's temporary directory]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What keeps everything
    #[arg(long, global = true, value_enum, default_value_t)]
    pub backend: BackendKind,
    /// For AWS.
    #[command(flatten, next_help_heading = "With --backend aws")]
    pub aws: DataArguments,
}

/// What keeps the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum BackendKind {
    /// A database in the data directory
    #[default]
    Sqlite,
    /// DynamoDB and what else of AWS there is to it (needs a program built with the feature `aws`)
    Aws,
}

impl Place {
    /// Refuses flags that have no meaning for the backend that was chosen.
    ///
    /// # Errors
    ///
    /// A sentence about the first of them.
    pub fn check_flags(&self) -> Result<(), AnyError> {
        let misplaced = match self.backend {
            BackendKind::Sqlite => self.aws.given().map(|flag| (flag, "aws")),
            BackendKind::Aws => self.data_dir.as_ref().map(|_| ("--data-dir", "sqlite")),
        };
        match misplaced {
            Some((flag, backend)) => Err(format!("{flag} goes with --backend {backend}").into()),
            None => Ok(()),
        }
    }

    /// Refuses to make anything where somebody only looks. `makers` are the commands that make something.
    ///
    /// # Errors
    ///
    /// A sentence about `--create`.
    pub fn check_makes_nothing(&self, makers: &str) -> Result<(), AnyError> {
        match self.aws.create {
            true => Err(format!("--create goes with {makers}").into()),
            false => Ok(()),
        }
    }

    /// Whether the data is where it can be found again.
    pub fn is_named(&self) -> bool {
        self.data_dir.is_some() || self.backend == BackendKind::Aws
    }

    /// Refuses a place that is another one each time.
    ///
    /// # Errors
    ///
    /// A sentence about `--data-dir`.
    pub fn check_named(&self) -> Result<(), AnyError> {
        match self.is_named() {
            true => Ok(()),
            false => Err("--data-dir DIR says whose data this is about".into()),
        }
    }

    /// The data directory of this program.
    pub fn directory(&self, program: &str) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| default_directory::fresh(program))
    }
}
