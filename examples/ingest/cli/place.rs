//! Which data a command is about.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use es_core::{QueueName, TopicName};

use crate::aws::{ConnectionArguments, NamedTopic};
use crate::command_line::{AnyError, default_directory};
#[cfg(feature = "aws")]
use crate::ingest::backend::AwsOptions;
use crate::ingest::documents::Directory;
use crate::ingest::names::Names;

/// Where the data is.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Where the database is [default: a fresh directory under the system's temporary directory]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The directory that files are taken from; they are read and not touched [default: `inbox` in the data
    /// directory]
    #[arg(long, global = true, value_name = "DIR")]
    watch: Option<PathBuf>,
    /// What keeps events, records and messages
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) backend: BackendKind,
    #[command(flatten)]
    names: NameArguments,
    #[command(flatten)]
    aws: AwsArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum BackendKind {
    /// A database in the data directory
    #[default]
    Sqlite,
    /// DynamoDB, SNS, SQS and S3 (needs a program built with the feature `aws`)
    Aws,
}

/// What everything is called.
#[derive(Debug, Args)]
#[command(next_help_heading = "Names")]
struct NameArguments {
    /// What names of tables, topic and queues begin with, unless they are given
    #[arg(long, global = true, value_name = "PREFIX", env = "TABLE_NAME", default_value = DEFAULT_PREFIX)]
    table_prefix: String,
    /// The topic, by its ARN or its name [default: `submissions` behind the prefix]
    #[arg(long, global = true, value_name = "TOPIC", env = "TOPIC_ARN")]
    topic: Option<String>,
    /// The queue behind it [default: `submissions` behind the prefix]
    #[arg(long, global = true, value_name = "NAME", env = "QUEUE_NAME")]
    queue: Option<String>,
    /// The queue of the confirmations [default: `confirmations` behind the prefix]
    #[arg(long, global = true, value_name = "NAME", env = "CONFIRMATION_QUEUE_NAME")]
    confirmation_queue: Option<String>,
    /// The queue of the dead letters [default: `dead-letters` behind the prefix]
    #[arg(long, global = true, value_name = "NAME", env = "DEAD_LETTER_QUEUE_NAME")]
    dead_letter_queue: Option<String>,
}

const DEFAULT_PREFIX: &str = "ingest-";

/// For `--backend aws`.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --backend aws")]
struct AwsArguments {
    /// The bucket that files are put into; it tells the topic of them [default: `inbox` behind the prefix]
    ///
    /// Of a stack it is the output BucketInboxName. One that is named has to be there, unless --create is given.
    #[arg(long, global = true, value_name = "NAME", env = "BUCKET_NAME")]
    bucket: Option<String>,
    #[command(flatten)]
    connection: ConnectionArguments,
    /// Make tables, topic, queues and bucket that are missing [default: with an endpoint, by the main job,
    /// `serve` and `publish`]
    #[arg(long, global = true)]
    create: bool,
}

impl Place {
    /// Refuses flags that have no meaning for the backend that was chosen.
    pub(super) fn check_flags(&self) -> Result<(), AnyError> {
        let Self { data_dir, watch, aws, .. } = self;
        let misplaced = match self.backend {
            BackendKind::Sqlite => aws
                .connection
                .given()
                .or(aws.create.then_some("--create"))
                .map(|flag| (flag, "aws")),
            BackendKind::Aws => {
                let data_dir = data_dir.as_ref().map(|_| "--data-dir");
                data_dir.or(watch.as_ref().map(|_| "--watch")).map(|flag| (flag, "sqlite"))
            }
        };
        match misplaced {
            Some((flag, backend)) => Err(format!("{flag} goes with --backend {backend}").into()),
            None => Ok(()),
        }
    }

    /// Refuses to make anything where somebody only looks.
    pub(super) fn check_makes_nothing(&self) -> Result<(), AnyError> {
        match self.aws.create {
            true => Err("--create goes with `serve`, `publish` and the main job".into()),
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
    pub(super) fn directory(&self) -> Result<PathBuf, AnyError> {
        let given = self.data_dir.clone();
        let directory = given.unwrap_or_else(|| default_directory::fresh("ingest"));
        Ok(std::path::absolute(directory)?)
    }

    /// The directory that files are taken from.
    pub(super) fn watched(&self, data: &Path) -> Directory {
        Directory::new(self.watch.clone().unwrap_or_else(|| data.join("inbox")))
    }

    /// What topic and queues are called.
    pub(super) fn names(&self) -> Result<Names, AnyError> {
        let NameArguments { table_prefix, topic, queue, confirmation_queue, dead_letter_queue } =
            &self.names;
        let mut names = Names::beginning_with(table_prefix)?;
        if let Some(topic) = topic {
            names.topic = TopicName::new(NamedTopic::of(topic)?.name)?;
        }
        for (name, given) in [
            (&mut names.queue, queue),
            (&mut names.confirmations, confirmation_queue),
            (&mut names.dead_letters, dead_letter_queue),
        ] {
            if let Some(given) = given {
                *name = QueueName::new(given)?;
            }
        }
        Ok(names)
    }

    /// How to name data in `directory` on the command line.
    pub(super) fn embedded_arguments(&self, directory: &Path) -> String {
        let mut arguments = format!("--data-dir {}", directory.display());
        if let Some(watch) = &self.watch {
            arguments.push_str(&format!(" --watch {}", watch.display()));
        }
        arguments.push_str(&self.names.arguments());
        arguments
    }

    #[cfg(feature = "aws")]
    pub(super) fn aws_options(&self, makes: bool) -> Result<AwsOptions, AnyError> {
        let AwsArguments { bucket, connection, create } = &self.aws;
        let prefix = &self.names.table_prefix;
        let connection = connection.or_of_environment();
        let topic = self.names.topic.as_deref().map(NamedTopic::of).transpose()?;
        let makes = makes && (*create || connection.endpoint_url.is_some());
        Ok(AwsOptions {
            table_prefix: prefix.clone(),
            names: self.names()?,
            account: topic.and_then(|topic| topic.account).map(str::to_owned),
            bucket: bucket.clone().unwrap_or_else(|| format!("{prefix}inbox")),
            create_bucket: makes && (*create || bucket.is_none()),
            create: makes,
            connection,
        })
    }
}

impl NameArguments {
    /// How to give those that are not the default, each behind a space.
    fn arguments(&self) -> String {
        let prefix = (self.table_prefix != DEFAULT_PREFIX).then_some(&self.table_prefix);
        let given = [
            ("--table-prefix", prefix),
            ("--topic", self.topic.as_ref()),
            ("--queue", self.queue.as_ref()),
            ("--confirmation-queue", self.confirmation_queue.as_ref()),
            ("--dead-letter-queue", self.dead_letter_queue.as_ref()),
        ];
        let given = given.into_iter().filter_map(|(flag, name)| Some((flag, name?)));
        given.map(|(flag, name)| format!(" {flag} {name}")).collect()
    }
}
