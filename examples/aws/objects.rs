use std::error::Error as StdError;
use std::sync::Arc;

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use axum::http::{Method, Request, StatusCode, header};
use es_dynamodb::Connection;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpConnector as _, HttpRequestBody, ReqwestConnector};
use object_store::{ClientOptions, CredentialProvider, ObjectStore};

use super::bucket_error::{BucketError, Refusal};

/// The objects of a bucket of S3.
#[derive(Debug, Clone)]
pub struct BucketObjects {
    name: String,
    objects: AmazonS3,
    /// For requests that no object store knows.
    http: HttpClient,
    region: String,
    url: String,
}

impl BucketObjects {
    /// Those of the bucket of that name, with the credentials that everything else is asked with. No request is sent.
    ///
    /// # Errors
    ///
    /// [`BucketError::Name`] for what is no name of a bucket; [`BucketError::Unusable`] when the configuration names no
    /// region or no credentials, and when the endpoint is no URL.
    pub async fn connect(bucket: &str, connection: &Connection) -> Result<Self, BucketError> {
        if !is_name(bucket) {
            return Err(BucketError::Name(bucket.to_owned()));
        }
        let connected = Self::connected(bucket, connection).await;
        connected.map_err(|source| BucketError::Unusable { name: bucket.to_owned(), source })
    }

    async fn connected(
        bucket: &str,
        connection: &Connection,
    ) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        let config = connection.sdk_config().await;
        let region = config.region().ok_or("no region is configured")?.to_string();
        let credentials = config.credentials_provider().ok_or("no credentials are configured")?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&region)
            .with_credentials(Arc::new(SdkCredentials(credentials)));
        let mut options = ClientOptions::new();
        let mut url = format!("https://s3.{region}.amazonaws.com/{bucket}");
        if let Some(endpoint) = config.endpoint_url() {
            let is_plain = endpoint.starts_with("http://");
            builder = builder.with_endpoint(endpoint).with_allow_http(is_plain);
            options = options.with_allow_http(is_plain);
            url = format!("{}/{bucket}", endpoint.trim_end_matches('/'));
        }
        let http = ReqwestConnector::default().connect(&options)?;
        Ok(Self { name: bucket.to_owned(), objects: builder.build()?, http, region, url })
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that it is looked for in.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The objects.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.objects.clone())
    }

    /// That the bucket is there, and may be used: one request, which needs `s3:ListBucket`.
    ///
    /// # Errors
    ///
    /// [`BucketError`].
    pub async fn check_there(&self) -> Result<(), BucketError> {
        let refusal = match self.ask(Method::HEAD, "", String::new()).await {
            Ok(_) => return Ok(()),
            Err(refusal) => refusal,
        };
        let name = self.name.clone();
        Err(match refusal {
            Refusal::Answer { status: StatusCode::NOT_FOUND, .. } => BucketError::Missing(name),
            Refusal::Answer { status: StatusCode::FORBIDDEN, .. } => BucketError::Forbidden(name),
            // Of another region S3 says where that is, with this status.
            Refusal::Answer { status: StatusCode::MOVED_PERMANENTLY, .. } => {
                BucketError::Elsewhere { name, region: self.region.clone() }
            }
            refusal => BucketError::Unusable { name, source: refusal.into() },
        })
    }

    /// The answer to a request about the bucket itself, which an object store does not know.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn ask(&self, method: Method, query: &str, body: String) -> Result<String, Refusal> {
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
            status => Err(Refusal::of(status, &text)),
        }
    }
}

/// As S3 wants [names](https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html): anything else might
/// be another place of its URL.
fn is_name(bucket: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    (3..=63).contains(&bucket.len())
        && bucket.chars().all(is_plain)
        && bucket.starts_with(|c: char| c.is_ascii_alphanumeric())
        && bucket.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// The credentials that the SDK finds, for the object store.
#[derive(Debug)]
struct SdkCredentials(SharedCredentialsProvider);

#[async_trait]
impl CredentialProvider for SdkCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let found = self.0.provide_credentials().await;
        let found = found
            .map_err(|error| object_store::Error::Generic { store: "S3", source: error.into() })?;
        Ok(Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_of_a_bucket_is_not_asked_for() {
        for name in ["orders-inbox-123456789012", "a.b", &"x".repeat(63)] {
            assert!(is_name(name), "{name}");
        }
        let arn = "arn:aws:s3:::orders-inbox";
        let wrong = ["", "ab", &"x".repeat(64), arn, "Inbox", "a/b", "../x", "-ab", "ab.", "a b"];
        for name in wrong {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
