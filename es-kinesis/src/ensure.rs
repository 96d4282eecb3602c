//! Making the data stream, for development and tests.

use std::time::Duration;

use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::types::{
    EncryptionType, StreamDescriptionSummary, StreamMode, StreamModeDetails, StreamStatus,
};
use es_core::{Error, Result};

use crate::data_stream::DataStream;

/// How much a data stream takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capacity {
    /// As much as comes: Kinesis splits and merges shards by itself, and charges by what comes.
    OnDemand,
    /// That of so many shards, at least one, which are charged by the hour.
    Shards(u32),
}

/// How often, and how long apart, a stream that is being made or changed is looked at.
const LOOKS: u32 = 120;
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl DataStream {
    /// Makes the stream unless there is one, [encrypted](crate::DataStreamOptions::encryption_key), with
    /// the [retention](crate::DataStreamOptions::retention_hours) that is asked for; returns when it can
    /// be used.
    ///
    /// A stream that is there keeps its capacity, its key and what it keeps longer; it is encrypted if it
    /// is not, and keeps its records longer from then on if that is asked for. Calling it again changes
    /// nothing, and several programs may call it at once. For development and tests: in production the same
    /// stream comes from the [CloudFormation template](crate::cloudformation_template), and the program's
    /// role may not make any.
    ///
    /// # Errors
    ///
    /// [`Error::DeadlineExceeded`] when making the stream, or a change of it, takes longer than a minute;
    /// [`Error::Unavailable`]; [`Error::Backend`], as without the permission or with a key that is not there.
    pub async fn ensure(&self, capacity: Capacity) -> Result<()> {
        let found = self.find_or_create(capacity).await?;
        if !is_encrypted(&found) {
            self.encrypt().await?;
        }
        if !self.is_kept_long(&found) {
            self.keep_longer().await?;
        }
        Ok(())
    }

    async fn find_or_create(&self, capacity: Capacity) -> Result<StreamDescriptionSummary> {
        for _ in 0..LOOKS {
            match self.description().await? {
                None => self.create(capacity).await?,
                Some(found) if is_usable(&found) => return Ok(found),
                Some(_) => self.clock().sleep(LOOK_AGAIN).await,
            }
        }
        Err(took_too_long(format!("making data stream {}", self.name())))
    }

    async fn create(&self, capacity: Capacity) -> Result<()> {
        let what = format!("making data stream {}", self.name());
        let (mode, shards) = match capacity {
            Capacity::OnDemand => (StreamMode::OnDemand, None),
            Capacity::Shards(shards) => {
                (StreamMode::Provisioned, Some(i32::try_from(shards.max(1)).unwrap_or(i32::MAX)))
            }
        };
        let mode = StreamModeDetails::builder().stream_mode(mode).build();
        let mode =
            mode.map_err(|source| Error::Backend { what: what.clone(), source: source.into() })?;
        let request = self.client().create_stream().stream_name(self.name());
        match request.stream_mode_details(mode).set_shard_count(shards).send().await {
            Ok(_) => Ok(()),
            // Another program was faster, or it is not seen yet.
            Err(error) if error.code() == Some(IN_USE) => {
                self.clock().sleep(LOOK_AGAIN).await;
                Ok(())
            }
            Err(error) => Err(self.failed(&what, error)),
        }
    }

    async fn encrypt(&self) -> Result<()> {
        let ask = || {
            let request = self.client().start_stream_encryption().stream_name(self.name());
            request.encryption_type(EncryptionType::Kms).key_id(self.encryption_key()).send()
        };
        self.change("encrypting", is_encrypted, ask).await
    }

    async fn keep_longer(&self) -> Result<()> {
        let ask = || {
            let request = self.client().increase_stream_retention_period();
            request.stream_name(self.name()).retention_period_hours(self.retention_hours()).send()
        };
        self.change("setting the retention of", |found| self.is_kept_long(found), ask).await
    }

    /// Asks for a change until it is taken, for a stream that is being changed refuses another one; returns
    /// when it is made.
    async fn change<T, E, R, Asked>(
        &self,
        doing: &str,
        is_made: impl Fn(&StreamDescriptionSummary) -> bool,
        ask: impl Fn() -> Asked,
    ) -> Result<()>
    where
        Asked: Future<Output = Result<T, SdkError<E, R>>>,
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let what = format!("{doing} data stream {}", self.name());
        for _ in 0..LOOKS {
            let error = match ask().await {
                Ok(_) => return self.wait_until(&what, is_active).await.map(drop),
                Err(error) => error,
            };
            // Another program was faster.
            if is_made(&self.wait_until(&what, is_usable).await?) {
                return Ok(());
            }
            match error.code() {
                Some(IN_USE) => self.clock().sleep(LOOK_AGAIN).await,
                // Some local servers know no such thing.
                Some("UnknownOperationException") => return Ok(()),
                _ => return Err(self.failed(&what, error)),
            }
        }
        Err(took_too_long(what))
    }

    async fn wait_until(
        &self,
        what: &str,
        is_there: impl Fn(&StreamDescriptionSummary) -> bool,
    ) -> Result<StreamDescriptionSummary> {
        for _ in 0..LOOKS {
            match self.description().await? {
                Some(found) if is_there(&found) => return Ok(found),
                _ => self.clock().sleep(LOOK_AGAIN).await,
            }
        }
        Err(took_too_long(what.to_owned()))
    }

    /// `None`: there is no such stream.
    async fn description(&self) -> Result<Option<StreamDescriptionSummary>> {
        let request = self.client().describe_stream_summary().stream_name(self.name());
        match request.send().await {
            Ok(described) => Ok(described.stream_description_summary),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(self.failed(&format!("describing {}", self.name()), error)),
        }
    }

    fn is_kept_long(&self, found: &StreamDescriptionSummary) -> bool {
        found.retention_period_hours >= self.retention_hours()
    }
}

fn took_too_long(what: String) -> Error {
    Error::DeadlineExceeded { what, waited: LOOK_AGAIN * LOOKS }
}

/// The code of a stream, or of a name, that somebody else is at.
const IN_USE: &str = "ResourceInUseException";

/// Whether records can be put and read: also while shards split and merge.
fn is_usable(found: &StreamDescriptionSummary) -> bool {
    is_active(found) || found.stream_status == StreamStatus::Updating
}

fn is_active(found: &StreamDescriptionSummary) -> bool {
    found.stream_status == StreamStatus::Active
}

fn is_encrypted(found: &StreamDescriptionSummary) -> bool {
    found.encryption_type == Some(EncryptionType::Kms)
}
