//! The bucket: its objects, and that it is there and tells the topic of new ones.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::sync::Arc;

use axum::http::{Method, Request, StatusCode, header};
use es_dynamodb::Connection;
use object_store::ObjectStore;
use object_store::aws::{AmazonS3, AwsAuthorizer};
use object_store::client::{HttpClient, HttpConnector as _, HttpRequestBody, ReqwestConnector};

use super::OpenError;
use super::notifications::{error_code, with_topic};
use crate::aws::BucketObjects;

/// A bucket of S3.
#[derive(Debug)]
pub(super) struct S3 {
    objects: AmazonS3,
    http: HttpClient,
    bucket: String,
    region: String,
    url: String,
}

impl S3 {
    /// The bucket of that name, with the credentials that everything else is asked with. No request is sent.
    pub(super) async fn connect(bucket: &str, connection: &Connection) -> Result<Self, OpenError> {
        let found = BucketObjects::connect(bucket, connection).await;
        let found = found.map_err(|error| failed(bucket, error))?;
        let BucketObjects { store: objects, region, url, options } = found;
        let http =
            ReqwestConnector::default().connect(&options).map_err(|error| failed(bucket, error))?;
        Ok(Self { objects, http, bucket: bucket.to_owned(), region, url })
    }

    /// The objects.
    pub(super) fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.objects.clone())
    }

    /// Makes the bucket, if it is not there, and has it tell the topic of every new object, beside whom it tells of
    /// what already. The topic's policy must let it.
    pub(super) async fn ensure_bucket(&self, topic_arn: &str) -> Result<(), OpenError> {
        // Outside of this region S3 wants to be told where.
        let elsewhere = match self.region.as_str() {
            "us-east-1" => String::new(),
            region => format!(
                "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint>\
                 </CreateBucketConfiguration>"
            ),
        };
        // A bucket that is ours already is a conflict everywhere but in us-east-1; so is one of somebody else.
        match self.ask(Method::PUT, "", elsewhere).await {
            Err(Refusal::Answer { code: Some(code), .. }) if code == "BucketAlreadyOwnedByYou" => {}
            made => drop(made.map_err(|refusal| failed(&self.bucket, refusal))?),
        }
        self.ensure_notification(topic_arn).await.map_err(|refusal| failed(&self.bucket, refusal))
    }

    /// Adds to what the bucket tells others. S3 takes no two notifications about the same objects, and refuses
    /// this one where somebody is told of new objects already: then both have to be told through one topic.
    async fn ensure_notification(&self, topic_arn: &str) -> Result<(), Refusal> {
        const NOTIFICATION: &str = "?notification=";
        let there = self.ask(Method::GET, NOTIFICATION, String::new()).await?;
        let changed =
            with_topic(&there, topic_arn).map_err(|error| Refusal::Other(error.into()))?;
        if let Some(changed) = changed {
            self.ask(Method::PUT, NOTIFICATION, changed).await?;
        }
        Ok(())
    }

    /// The answer to a request about the bucket itself, which an object store does not know.
    async fn ask(&self, method: Method, query: &str, body: String) -> Result<String, Refusal> {
        let other = |source: Box<dyn StdError + Send + Sync>| Refusal::Other(source);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{query}", self.url))
            .header(header::CONTENT_TYPE, "application/xml")
            .body(HttpRequestBody::from(body))
            .map_err(|error| other(error.into()))?;
        let credential = self.objects.credentials().get_credential().await;
        let credential = credential.map_err(|error| other(error.into()))?;
        AwsAuthorizer::new(&credential, "s3", &self.region)
            .try_authorize(&mut request, None)
            .map_err(|error| other(error.into()))?;
        let answer = self.http.execute(request).await.map_err(|error| other(error.into()))?;
        let status = answer.status();
        let body = answer.into_body().bytes().await.map_err(|error| other(error.into()))?;
        let text = String::from_utf8_lossy(&body).into_owned();
        match status {
            StatusCode::OK => Ok(text),
            status => Err(Refusal::Answer { status, code: error_code(&text) }),
        }
    }
}

/// Why a request about a bucket came to nothing.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    /// S3 does not do it.
    #[error("S3 answered {status}: {}", code.as_deref().unwrap_or("it does not say why"))]
    Answer { status: StatusCode, code: Option<String> },
    #[error(transparent)]
    Other(Box<dyn StdError + Send + Sync>),
}

fn failed(bucket: &str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> OpenError {
    OpenError::Bucket { name: bucket.to_owned(), source: source.into() }
}
