//! Which data a command is about.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::aws::DataArguments;
use crate::command_line::{AnyError, default_directory};
#[cfg(feature = "aws")]
use crate::users::backend::AwsOptions;

/// Where the data is.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Where the database is [default: a fresh directory under the system's temporary directory]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What keeps events, read models and progress
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) backend: BackendKind,
    #[command(flatten, next_help_heading = "With --backend aws")]
    aws: DataArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum BackendKind {
    /// A database in the data directory
    #[default]
    Sqlite,
    /// DynamoDB (needs a program built with the feature `aws`)
    Aws,
}

impl Place {
    /// Refuses flags that have no meaning for the backend that was chosen.
    pub(super) fn check_flags(&self) -> Result<(), AnyError> {
        let misplaced = match self.backend {
            BackendKind::Sqlite => self.aws.given().map(|flag| (flag, "aws")),
            BackendKind::Aws => self.data_dir.as_ref().map(|_| ("--data-dir", "sqlite")),
        };
        match misplaced {
            Some((flag, backend)) => Err(format!("{flag} goes with --backend {backend}").into()),
            None => Ok(()),
        }
    }

    /// Refuses to make anything where somebody only looks.
    pub(super) fn check_makes_nothing(&self) -> Result<(), AnyError> {
        match self.aws.create {
            true => Err("--create goes with `serve` and the main job".into()),
            false => Ok(()),
        }
    }

    /// Whether the data is where it can be found again.
    pub(super) fn is_named(&self) -> bool {
        self.data_dir.is_some() || self.backend == BackendKind::Aws
    }

    /// Refuses a place that is another one each time.
    pub(super) fn check_named(&self) -> Result<(), AnyError> {
        match self.is_named() {
            true => Ok(()),
            false => Err("--data-dir DIR says whose data this is about".into()),
        }
    }

    /// The data directory.
    pub(super) fn directory(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| default_directory::fresh("users"))
    }

    #[cfg(feature = "aws")]
    pub(super) fn aws_options(&self, makes: bool) -> AwsOptions {
        let prefix = self.aws.table_prefix.as_deref().unwrap_or("users-");
        AwsOptions {
            table_prefix: prefix.to_owned(),
            connection: self.aws.connection.clone(),
            create: makes && self.aws.makes(),
        }
    }
}
