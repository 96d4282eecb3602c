//! Which data a command is about.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[cfg(feature = "aws")]
use crate::dispensary::backend::DynamoDbOptions;

use super::{AnyError, default_directory};

/// Where the data is.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Where the data is; with DynamoDB, the prescription files only [default: a directory under the
    /// system's temporary directory]
    ///
    /// The default is a fresh directory. With DynamoDB on a server it is one with the server and the
    /// table prefix in its name, the same for every run, so that the files are found again. The main
    /// job and `serve` say at their start which one it is.
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// What keeps events, views and progress
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) backend: BackendKind,
    #[command(flatten)]
    pub(super) dynamodb: DynamoDbArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum BackendKind {
    /// A database in the data directory
    #[default]
    Sqlite,
    /// DynamoDB tables (needs a program built with the feature `aws`)
    Dynamodb,
}

/// For `--backend dynamodb`.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --backend dynamodb")]
pub(super) struct DynamoDbArguments {
    /// Start a DynamoDB-compatible server in this process, with its data in the data directory
    #[arg(long, global = true, conflicts_with_all = ["endpoint_url", "region", "profile"])]
    pub(super) local: bool,
    /// Where DynamoDB answers, as of a local server [default: what the AWS configuration says]
    ///
    /// A server on this machine is asked with made-up keys, and the files in ~/.aws are not looked at,
    /// unless --profile, AWS_PROFILE or AWS_ACCESS_KEY_ID says who asks. The region is then that of
    /// --region, or of AWS_REGION, or us-east-1. Many servers keep the tables of each region and key
    /// apart: ask with the same ones to see the same data.
    #[arg(long, global = true, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
    /// The AWS region [default: what the AWS configuration says]
    #[arg(long, global = true)]
    pub(super) region: Option<String>,
    /// The profile of the AWS configuration
    #[arg(long, global = true)]
    pub(super) profile: Option<String>,
    /// What the names of the tables begin with [default: dispensary-]
    #[arg(long, global = true, value_name = "PREFIX")]
    pub(super) table_prefix: Option<String>,
    /// Make tables that are missing [default: with --local and --endpoint-url, by the main job, `serve`
    /// and `import`]
    #[arg(long, global = true)]
    pub(super) create_tables: bool,
}

impl Place {
    /// Refuses flags that have no meaning for the backend that was chosen.
    pub(super) fn check_flags(&self) -> Result<(), AnyError> {
        match self.misplaced() {
            Some(flag) => Err(format!("{flag} goes with --backend dynamodb").into()),
            None => Ok(()),
        }
    }

    fn misplaced(&self) -> Option<&'static str> {
        if self.backend == BackendKind::Dynamodb {
            return None;
        }
        let DynamoDbArguments { local, endpoint_url, region, profile, table_prefix, create_tables } =
            &self.dynamodb;
        let given = [
            (*local, "--local"),
            (endpoint_url.is_some(), "--endpoint-url"),
            (region.is_some(), "--region"),
            (profile.is_some(), "--profile"),
            (table_prefix.is_some(), "--table-prefix"),
            (*create_tables, "--create-tables"),
        ];
        given.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }

    /// Refuses a place that is another one each time.
    pub(super) fn check_named(&self) -> Result<(), AnyError> {
        if self.data_dir.is_some() || self.is_elsewhere() {
            return Ok(());
        }
        Err("--data-dir DIR says whose data this is about".into())
    }

    /// Whether all but the prescription files is with a server.
    fn is_elsewhere(&self) -> bool {
        self.backend == BackendKind::Dynamodb && !self.dynamodb.local
    }

    /// The data directory.
    pub(super) fn directory(&self) -> PathBuf {
        match &self.data_dir {
            Some(directory) => directory.clone(),
            None if self.is_elsewhere() => {
                let DynamoDbArguments { endpoint_url, .. } = &self.dynamodb;
                default_directory::of_tables(endpoint_url.as_deref(), self.dynamodb.table_prefix())
            }
            None => default_directory::fresh(),
        }
    }

    /// Whether a command that makes data makes tables, too.
    pub(super) fn makes_tables(&self) -> bool {
        let DynamoDbArguments { create_tables, local, endpoint_url, .. } = &self.dynamodb;
        *create_tables || *local || endpoint_url.is_some()
    }
}

impl DynamoDbArguments {
    fn table_prefix(&self) -> &str {
        self.table_prefix.as_deref().unwrap_or("dispensary-")
    }

    #[cfg(feature = "aws")]
    pub(super) fn options(self, create_tables: bool) -> DynamoDbOptions {
        DynamoDbOptions {
            table_prefix: self.table_prefix().to_owned(),
            endpoint_url: self.endpoint_url,
            region: self.region,
            profile: self.profile,
            local: self.local,
            create_tables,
        }
    }
}
