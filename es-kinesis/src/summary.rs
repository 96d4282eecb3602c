//! What a data stream says about itself.

use std::sync::Arc;
use std::time::Duration;

use es_core::{Error, Result, Timestamp};
use tokio::sync::Mutex;

use crate::data_stream::DataStream;

/// How long a summary is good for.
const GOOD_FOR: Duration = Duration::from_secs(300);

/// The last summary. Kinesis gives an account 20 per second, for all of its streams together.
#[derive(Debug, Default)]
pub(crate) struct Summaries(Mutex<Option<(Duration, Arc<Summary>)>>);

/// A data stream, as it was described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) arn: String,
    /// Tells the stream from another one that had the same name before.
    pub(crate) created_at: Timestamp,
    /// How long it keeps records.
    pub(crate) retention: Duration,
}

impl DataStream {
    /// The summary, as it was a short while ago.
    pub(crate) async fn summary(&self) -> Result<Arc<Summary>> {
        let mut last = self.summaries().0.lock().await;
        let now = self.clock().monotonic();
        if let Some((at, summary)) = &*last
            && now.saturating_sub(*at) < GOOD_FOR
        {
            return Ok(Arc::clone(summary));
        }
        let summary = Arc::new(self.describe().await?);
        *last = Some((now, Arc::clone(&summary)));
        Ok(summary)
    }

    /// The summary, as it is now.
    pub(crate) async fn fresh_summary(&self) -> Result<Arc<Summary>> {
        *self.summaries().0.lock().await = None;
        self.summary().await
    }

    async fn describe(&self) -> Result<Summary> {
        let name = self.name();
        let request = self.client().describe_stream_summary().stream_name(name);
        let described = request.send().await;
        let described = described
            .map_err(|error| self.failed(&format!("describing {name}"), error))?
            .stream_description_summary;
        let described = described.ok_or_else(|| Error::Corrupt {
            what: format!("the description of data stream {name}"),
            reason: "it is missing".to_owned(),
        })?;
        let created_at = described.stream_creation_timestamp.secs();
        let hours = u64::try_from(described.retention_period_hours).unwrap_or_default();
        Ok(Summary {
            arn: described.stream_arn,
            created_at: Timestamp::from_second(created_at).unwrap_or_default(),
            retention: Duration::from_secs(hours * 3600),
        })
    }
}
