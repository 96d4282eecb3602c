//! Which data a command is about.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where the data is.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Where the data is; with DynamoDB, the prescription files only [default: a fresh directory under
    /// the system's temporary directory]
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
    #[arg(long, global = true, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
    /// The AWS region [default: what the AWS configuration says]
    #[arg(long, global = true)]
    pub(super) region: Option<String>,
    /// The profile of the AWS configuration
    #[arg(long, global = true)]
    pub(super) profile: Option<String>,
    /// What the names of the tables begin with
    #[arg(long, global = true, value_name = "PREFIX", default_value = "dispensary-")]
    pub(super) table_prefix: String,
    /// Make tables that are missing [default: with --local and --endpoint-url only]
    #[arg(long, global = true)]
    pub(super) create_tables: bool,
}

impl Place {
    /// A flag that has no meaning for the backend that was chosen.
    pub(super) fn misplaced(&self) -> Option<&'static str> {
        if self.backend == BackendKind::Dynamodb {
            return None;
        }
        let DynamoDbArguments { local, endpoint_url, region, profile, create_tables, .. } =
            &self.dynamodb;
        let given = [
            (*local, "--local"),
            (endpoint_url.is_some(), "--endpoint-url"),
            (region.is_some(), "--region"),
            (profile.is_some(), "--profile"),
            (*create_tables, "--create-tables"),
        ];
        given.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }
}
