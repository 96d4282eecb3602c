//! Which data a command is about.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::aws::{ConnectionArguments, NamedTopic};
use crate::command_line::{AnyError, default_directory};
#[cfg(feature = "aws")]
use crate::orders::backend::AwsOptions;
use crate::orders::channels::Channels;
use crate::orders::time_to_live::TimeToLive;

/// Where the data is.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Where the database is [default: a fresh directory under the system's temporary directory]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What keeps events, views, progress and messages
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) backend: BackendKind,
    /// What the names of tables, queues and topic begin with
    #[arg(
        long,
        global = true,
        value_name = "PREFIX",
        env = "TABLE_NAME",
        default_value = "orders-"
    )]
    table_prefix: String,
    /// The topic of the notifications, by its ARN or its name [default: `notifications` behind the
    /// prefix]
    #[arg(long, global = true, value_name = "TOPIC", env = "TOPIC_ARN")]
    topic: Option<String>,
    /// For how many days orders are in the list; in the log they stay
    #[arg(long, global = true, value_name = "DAYS", env = "TTL_DAYS", default_value = "7")]
    pub(super) ttl_days: TimeToLive,
    #[command(flatten)]
    aws: AwsArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum BackendKind {
    /// A database in the data directory
    #[default]
    Sqlite,
    /// DynamoDB, SNS and SQS (needs a program built with the feature `aws`)
    Aws,
}

/// For `--backend aws`.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --backend aws")]
struct AwsArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
    /// Make tables, queues and topic that are missing [default: with --endpoint-url, by the main job,
    /// `create` and `work`]
    #[arg(long, global = true)]
    create: bool,
}

impl Place {
    /// Refuses flags that have no meaning for the backend that was chosen.
    pub(super) fn check_flags(&self) -> Result<(), AnyError> {
        let aws = &self.aws;
        let misplaced = match self.backend {
            BackendKind::Sqlite => {
                aws.connection.given().or(aws.create.then_some("--create")).map(|it| (it, "aws"))
            }
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
            true => Err("--create goes with `create`, `work` and the main job".into()),
            false => Ok(()),
        }
    }

    /// Whether the data is where it can be found again.
    pub(super) fn is_named(&self) -> bool {
        self.data_dir.is_some() || self.backend == BackendKind::Aws
    }

    /// Refuses a place that is another one each time.
    pub(super) fn check_named(&self) -> Result<(), AnyError> {
        if self.is_named() {
            return Ok(());
        }
        Err("--data-dir DIR says whose data this is about".into())
    }

    /// The data directory.
    pub(super) fn directory(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| default_directory::fresh("orders"))
    }

    /// What queues and topic are called.
    pub(super) fn channels(&self) -> Result<Channels, AnyError> {
        let topic = self.topic()?.map(|topic| topic.name);
        Ok(Channels::new(&self.table_prefix, topic)?)
    }

    fn topic(&self) -> Result<Option<NamedTopic<'_>>, AnyError> {
        Ok(self.topic.as_deref().map(NamedTopic::of).transpose()?)
    }

    #[cfg(feature = "aws")]
    pub(super) fn aws_options(&self, makes: bool) -> Result<AwsOptions, AnyError> {
        let AwsArguments { connection, create } = &self.aws;
        Ok(AwsOptions {
            table_prefix: self.table_prefix.clone(),
            channels: self.channels()?,
            account: self.topic()?.and_then(|topic| topic.account).map(str::to_owned),
            connection: connection.clone(),
            create: makes && (*create || connection.endpoint_url.is_some()),
        })
    }
}
