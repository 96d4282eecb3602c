//! How topics are connected.

use aws_config::SdkConfig;
use es_aws::Connection;
use es_core::{Error, Result};

use super::{SERVICE, SnsTopics};
use crate::batch;
use crate::queues::SqsQueues;

/// How to connect to [`SnsTopics`]; from [`SnsTopics::builder`]. Region, profile, endpoint, prefix and clock are
/// those of the queues that follow the topics.
#[derive(Debug, Clone)]
#[must_use = "topics are connected by `connect`"]
pub struct SnsOptions {
    pub(crate) queues: SqsQueues,
    pub(crate) connection: Connection,
    pub(crate) account: Option<String>,
    pub(crate) encryption_key: Option<String>,
    pub(crate) max_request_bytes: usize,
}

impl SnsOptions {
    pub(crate) fn new(queues: &SqsQueues) -> Self {
        Self {
            queues: queues.clone(),
            connection: queues.options().given_connection(),
            account: None,
            encryption_key: None,
            max_request_bytes: batch::DEFAULT_MAX_BYTES,
        }
    }

    /// Where SNS answers, as of a local server, if that is not where SQS does.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.connection.endpoint_url = Some(url.into());
        self
    }

    /// The account of the topics, 12 digits. SNS finds topics by their ARN, which has it: without it,
    /// topics that this program has not created are looked for among all that the account has, and it needs
    /// the permission to list them.
    pub fn account(mut self, id: impl Into<String>) -> Self {
        self.account = Some(id.into());
        self
    }

    /// A key of KMS that topics are encrypted with when they are created: its ARN, id or alias. Each use of
    /// it is charged. Default: none; a topic that has a key keeps it.
    pub fn encryption_key(mut self, key: impl Into<String>) -> Self {
        self.encryption_key = Some(key.into());
        self
    }

    /// The most bytes of messages in one request, and so of a message; larger batches are sent in several.
    /// Default: 256 KiB, the
    /// [limit of SNS](https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html).
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = bytes;
        self
    }

    /// Connects with the configuration that is found. No request is sent. Time-outs are those of
    /// [`SqsOptions::connect`](crate::SqsOptions::connect).
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when no region is configured, when the endpoint is no URL, and when the account is
    /// none.
    pub async fn connect(self) -> Result<SnsTopics> {
        let config = self.connection.sdk_config().await;
        self.with_config(&config)
    }

    /// Connects with a configuration that the program has made itself, as with credentials of its own.
    /// No request is sent.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn with_config(mut self, config: &SdkConfig) -> Result<SnsTopics> {
        self.connection.adopt(config, SERVICE)?;
        self.with_client(aws_sdk_sns::Client::new(config))
    }

    /// Uses a client that the program has configured itself. No request is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when the account is none.
    pub fn with_client(self, client: aws_sdk_sns::Client) -> Result<SnsTopics> {
        if let Some(account) = &self.account
            && (account.len() != 12 || !account.bytes().all(|digit| digit.is_ascii_digit()))
        {
            let message = format!("an AWS account has 12 digits, {account:?} was given");
            return Err(Error::Misuse(message));
        }
        Ok(SnsTopics::new(self, client))
    }
}
