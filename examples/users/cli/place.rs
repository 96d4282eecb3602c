//! Which data a command is about.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::aws::ConnectionArguments;
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
    #[command(flatten)]
    aws: AwsArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum BackendKind {
    /// A database in the data directory
    #[default]
    Sqlite,
    /// DynamoDB (needs a program built with the feature `aws`)
    Aws,
}

/// For `--backend aws`.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --backend aws")]
struct AwsArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
    /// What the names of the tables begin with [default: users-]
    #[arg(long, global = true, value_name = "PREFIX")]
    table_prefix: Option<String>,
    /// Make tables that are missing [default: with --endpoint-url, by the main job and `serve`]
    #[arg(long, global = true)]
    create: bool,
}

impl AwsArguments {
    /// The flag of the first argument that was given, if any was.
    fn given(&self) -> Option<&'static str> {
        let prefix = self.table_prefix.as_ref().map(|_| "--table-prefix");
        self.connection.given().or(prefix).or(self.create.then_some("--create"))
    }
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

    /// What the names of the tables begin with.
    #[cfg(feature = "aws")]
    pub(super) fn table_prefix(&self) -> &str {
        self.aws.table_prefix.as_deref().unwrap_or("users-")
    }

    #[cfg(feature = "aws")]
    pub(super) fn aws_options(&self, makes: bool) -> AwsOptions {
        let AwsArguments { connection, create, .. } = &self.aws;
        AwsOptions {
            table_prefix: self.table_prefix().to_owned(),
            connection: connection.clone(),
            create: makes && (*create || connection.endpoint_url.is_some()),
        }
    }
}
