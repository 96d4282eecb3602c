//! Making the data stream, for development.

use std::time::Duration;

use aws_sdk_kinesis::error::ProvideErrorMetadata as _;
use aws_sdk_kinesis::types::{StreamMode, StreamModeDetails, StreamStatus};
use es_core::{Error, Result};

use crate::data_stream::DataStream;

/// How much a data stream takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capacity {
    /// As much as comes: Kinesis splits and merges shards by itself, and charges by what comes.
    OnDemand,
    /// That of so many shards, which are charged by the hour.
    Shards(u32),
}

/// How often, and how long apart, a stream that is being made is looked at.
const LOOKS: u32 = 120;
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl DataStream {
    /// Makes the stream unless there is one and waits until it can be used. For development: in production it comes from a template, and the
    /// program's role may not make any.
    ///
    /// A stream that is there stays as it is, whatever its capacity.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Backend`] without the permission, and
    /// [`Error::DeadlineExceeded`] when it takes longer than a minute.
    pub async fn ensure(&self, capacity: Capacity) -> Result<()> {
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
        for _ in 0..LOOKS {
            match self.status().await? {
                Some(StreamStatus::Active | StreamStatus::Updating) => return Ok(()),
                Some(_) => self.clock().sleep(LOOK_AGAIN).await,
                None => {
                    let request = self.client().create_stream().stream_name(self.name());
                    let request = request.stream_mode_details(mode.clone()).set_shard_count(shards);
                    match request.send().await {
                        Ok(_) => {}
                        // Another program was faster.
                        Err(error) if error.code() == Some("ResourceInUseException") => {}
                        Err(error) => return Err(self.failed(&what, error)),
                    }
                }
            }
        }
        Err(Error::DeadlineExceeded { what, waited: LOOK_AGAIN * LOOKS })
    }

    /// `None`: there is no such stream.
    async fn status(&self) -> Result<Option<StreamStatus>> {
        let request = self.client().describe_stream_summary().stream_name(self.name());
        match request.send().await {
            Ok(described) => {
                Ok(described.stream_description_summary.map(|summary| summary.stream_status))
            }
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(self.failed(&format!("describing {}", self.name()), error)),
        }
    }
}
