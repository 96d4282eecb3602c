//! Which data a command is about.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::aws::ConnectionArguments;
use crate::command_line::{AnyError, default_directory};

#[cfg(feature = "aws")]
use crate::dispensary::backend::{AwsOptions, DynamoDbOptions};

/// What default directories are named after.
const PROGRAM: &str = "dispensary";

/// Where the data is.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Where the data is; with DynamoDB, the prescription files only [default: a directory under the
    /// system's temporary directory]
    ///
    /// The default is a fresh directory. With DynamoDB on a server it is one with the server and the
    /// table prefix in its name, the same for every run, so that the files are found again. The main
    /// job and `serve` say at their start which one it is.
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "bucket")]
    pub(super) data_dir: Option<PathBuf>,
    /// What keeps events, views and progress
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) backend: BackendKind,
    #[command(flatten)]
    pub(super) dynamodb: DynamoDbArguments,
    #[command(flatten)]
    pub(super) aws: AwsArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum BackendKind {
    /// A database in the data directory
    #[default]
    Sqlite,
    /// DynamoDB tables (needs a program built with the feature `aws`)
    Dynamodb,
    /// DynamoDB tables, with a Kinesis data stream from the log to the views (needs the same)
    Aws,
}

/// For `--backend dynamodb` and `--backend aws`.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --backend dynamodb and --backend aws")]
pub(super) struct DynamoDbArguments {
    /// Start a DynamoDB-compatible server in this process, with its data in the data directory: not
    /// with --backend aws, for there is no such server of Kinesis
    #[arg(long, global = true, conflicts_with_all = ["endpoint_url", "region", "profile"])]
    pub(super) local: bool,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
    /// What the names of the tables begin with [default: dispensary-]
    #[arg(long, global = true, value_name = "PREFIX")]
    pub(super) table_prefix: Option<String>,
    /// Make tables that are missing, and the data stream [default: with --local and --endpoint-url, by
    /// the main job, `serve`, `publish`, `project` and `import`]
    #[arg(long, global = true)]
    pub(super) create_tables: bool,
}

/// For `--backend aws`.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --backend aws")]
pub(super) struct AwsArguments {
    /// The Kinesis data stream [default: `events` behind the prefix of the tables]
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) data_stream: Option<String>,
    /// Where Kinesis answers, if not where DynamoDB does
    #[arg(long, global = true, value_name = "URL")]
    pub(super) kinesis_endpoint_url: Option<String>,
    /// The bucket of S3 that the prescription files are in, instead of a directory
    ///
    /// Of a stack it is the output BucketPrescriptionsName. It has to be there.
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) bucket: Option<String>,
}

impl AwsArguments {
    #[cfg(feature = "aws")]
    pub(super) fn options(self, tables: DynamoDbOptions) -> AwsOptions {
        let Self { data_stream, kinesis_endpoint_url, bucket } = self;
        AwsOptions { tables, data_stream, kinesis_endpoint_url, bucket }
    }
}

impl Place {
    /// Refuses flags that have no meaning for the backend that was chosen.
    pub(super) fn check_flags(&self) -> Result<(), AnyError> {
        match self.misplaced() {
            Some((flag, backend)) => Err(format!("{flag} goes with {backend}").into()),
            None => Ok(()),
        }
    }

    /// A flag, and the backend that it goes with.
    fn misplaced(&self) -> Option<(&'static str, &'static str)> {
        use BackendKind::{Aws, Dynamodb};
        const DYNAMODB: &str = "--backend dynamodb";
        const AWS: &str = "--backend aws";
        const BOTH: &str = "--backend dynamodb and --backend aws";
        let DynamoDbArguments { local, connection, table_prefix, create_tables } = &self.dynamodb;
        let AwsArguments { data_stream, kinesis_endpoint_url, bucket } = &self.aws;
        let (has_tables, is_aws) = (matches!(self.backend, Dynamodb | Aws), self.backend == Aws);
        let given = [
            (*local, "--local", self.backend == Dynamodb, DYNAMODB),
            (
                connection.given().is_some(),
                connection.given().unwrap_or_default(),
                has_tables,
                BOTH,
            ),
            (table_prefix.is_some(), "--table-prefix", has_tables, BOTH),
            (*create_tables, "--create-tables", has_tables, BOTH),
            (data_stream.is_some(), "--data-stream", is_aws, AWS),
            (kinesis_endpoint_url.is_some(), "--kinesis-endpoint-url", is_aws, AWS),
            (bucket.is_some(), "--bucket", is_aws, AWS),
        ];
        let misplaced = given.into_iter().find(|(given, _, fits, _)| *given && !fits);
        misplaced.map(|(_, flag, _, backend)| (flag, backend))
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
        self.backend != BackendKind::Sqlite && !self.dynamodb.local
    }

    /// The data directory.
    pub(super) fn directory(&self) -> PathBuf {
        match &self.data_dir {
            Some(directory) => directory.clone(),
            None if self.is_elsewhere() => {
                let server = self.dynamodb.connection.endpoint_url.as_deref();
                default_directory::of_tables(PROGRAM, server, self.dynamodb.table_prefix())
            }
            None => default_directory::fresh(PROGRAM),
        }
    }

    /// Whether a command that makes data makes tables, too.
    pub(super) fn makes_tables(&self) -> bool {
        let DynamoDbArguments { create_tables, local, connection, .. } = &self.dynamodb;
        *create_tables || *local || connection.endpoint_url.is_some()
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
            connection: self.connection,
            local: self.local,
            create_tables,
        }
    }
}
