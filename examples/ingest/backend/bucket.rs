//! The bucket: that it is there, and tells the topic of new objects.

use axum::http::Method;
use es_dynamodb::Connection;

use super::OpenError;
use super::notifications::with_topic;
use crate::aws::{BucketError, BucketObjects, Refusal};
use crate::ingest::documents::Bucket;

/// A bucket of S3.
#[derive(Debug)]
pub(super) struct S3(BucketObjects);

impl S3 {
    /// The bucket of that name, with the credentials that everything else is asked with. No request is sent.
    pub(super) async fn connect(bucket: &str, connection: &Connection) -> Result<Self, OpenError> {
        Ok(Self(BucketObjects::connect(bucket, connection).await?))
    }

    /// The files in it.
    pub(super) fn files(&self) -> Bucket {
        Bucket::new(self.0.name(), self.0.store())
    }

    /// That it is there, and may be used.
    pub(super) async fn check_there(&self) -> Result<(), OpenError> {
        Ok(self.0.check_there().await?)
    }

    /// Makes the bucket, if it is not there, and has it tell the topic of every new object, beside whom it tells of
    /// what already. The topic's policy must let it.
    pub(super) async fn ensure_bucket(&self, topic_arn: &str) -> Result<(), OpenError> {
        // Outside of this region S3 wants to be told where.
        let elsewhere = match self.0.region() {
            "us-east-1" => String::new(),
            region => format!(
                "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint>\
                 </CreateBucketConfiguration>"
            ),
        };
        // A bucket that is ours already is a conflict everywhere but in us-east-1; so is one of somebody else.
        match self.0.ask(Method::PUT, "", elsewhere).await {
            Err(Refusal::Answer { code: Some(code), .. }) if code == "BucketAlreadyOwnedByYou" => {}
            made => drop(made.map_err(|refusal| self.unusable(refusal))?),
        }
        self.ensure_notification(topic_arn).await.map_err(|refusal| self.unusable(refusal))
    }

    /// Adds to what the bucket tells others. S3 takes no two notifications about the same objects, and refuses
    /// this one where somebody is told of new objects already: then both have to be told through one topic.
    async fn ensure_notification(&self, topic_arn: &str) -> Result<(), Refusal> {
        const NOTIFICATION: &str = "?notification=";
        let there = self.0.ask(Method::GET, NOTIFICATION, String::new()).await?;
        let changed =
            with_topic(&there, topic_arn).map_err(|error| Refusal::Other(error.into()))?;
        if let Some(changed) = changed {
            self.0.ask(Method::PUT, NOTIFICATION, changed).await?;
        }
        Ok(())
    }

    fn unusable(&self, refusal: Refusal) -> OpenError {
        let name = self.0.name().to_owned();
        BucketError::Unusable { name, source: refusal.into() }.into()
    }
}
