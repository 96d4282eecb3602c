use std::error::Error as StdError;
use std::sync::Arc;

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use es_dynamodb::Connection;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::{ClientOptions, CredentialProvider};

/// The objects of a bucket of S3.
#[derive(Debug, Clone)]
pub struct BucketObjects {
    /// The objects.
    pub store: AmazonS3,
    /// The region that the bucket is in.
    pub region: String,
    /// Where the bucket answers, for requests that no object store knows.
    pub url: String,
    /// How such requests are sent.
    pub options: ClientOptions,
}

impl BucketObjects {
    /// Those of the bucket of that name, with the credentials that everything else is asked with. No request is sent.
    ///
    /// # Errors
    ///
    /// When the configuration names no region or no credentials, and when the endpoint is no URL.
    pub async fn connect(
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
        Ok(Self { store: builder.build()?, region, url, options })
    }
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
