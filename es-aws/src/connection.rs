//! How a backend is connected.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use es_core::{Error, Result};

/// Where a service is, and as whom it is asked.
///
/// What is not said here is found as in every AWS program: in the environment (`AWS_REGION`,
/// `AWS_PROFILE`, `AWS_ENDPOINT_URL`, …), the files in `~/.aws`, the role of the container or instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The region, before what the environment says.
    pub region: Option<String>,
    /// The profile of the AWS configuration files, before what the environment says.
    pub profile: Option<String>,
    /// Where the service answers, as of a local server; by default where AWS says for the region.
    pub endpoint_url: Option<String>,
    /// Whether it is a local server: that takes any region and credentials, so none need be configured,
    /// and those of the environment stay here.
    pub is_local: bool,
}

impl Connection {
    /// The configuration of clients: as found, and with 3 s to connect, 10 s per attempt and 30 s over
    /// all, and up to 5 attempts, unless the environment says otherwise. No request is sent.
    pub async fn sdk_config(&self) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(10))
            .operation_timeout(Duration::from_secs(30))
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(5));
        if self.is_local {
            let credentials = Credentials::from_keys("local", "local", None);
            loader =
                loader.region(Region::from_static("us-east-1")).credentials_provider(credentials);
        }
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        loader.load().await
    }

    /// Takes over the endpoint of a configuration that says enough to ask `service`, as "DynamoDB".
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when it has no region, and when its endpoint is no URL.
    pub fn adopt(&mut self, config: &SdkConfig, service: &str) -> Result<()> {
        // What is given here goes before what is found, and so do its faults.
        if let Some(url) = self.endpoint_url.as_deref().or(config.endpoint_url()) {
            check_endpoint(url, service)?;
        }
        if config.region().is_none() {
            let profile = self.named_profile();
            return Err(Error::Misuse(format!("{NO_REGION}{profile}")));
        }
        if let Some(url) = config.endpoint_url() {
            self.endpoint_url = Some(url.to_owned());
        }
        Ok(())
    }

    /// What errors about something that profiles have add when one was named.
    pub(crate) fn named_profile(&self) -> String {
        let profile = self.profile.as_ref();
        profile.map_or_else(String::new, |name| {
            format!("; the profile {name:?} has none, or does not exist")
        })
    }
}

const NO_REGION: &str = "no AWS region is configured: set AWS_REGION, or the region of the profile, or \
                         give one to the store";

fn check_endpoint(url: &str, service: &str) -> Result<()> {
    let refused = |reason: &str| {
        Error::Misuse(format!(
            "{url:?} is not where {service} can be: {reason}; expected is a URL as http://127.0.0.1:8000"
        ))
    };
    let parsed = url.parse::<http::Uri>().map_err(|error| refused(&error.to_string()))?;
    match (parsed.scheme_str(), parsed.host()) {
        (Some("http" | "https"), Some(_)) => Ok(()),
        (Some("http" | "https"), None) => Err(refused("it has no host")),
        _ => Err(refused("it begins neither with http:// nor with https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program connects with that found a region and this endpoint.
    fn adopted(given: Option<&str>, found: Option<&str>) -> Result<Connection> {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"));
        let config = match found {
            Some(url) => config.endpoint_url(url),
            None => config,
        };
        let endpoint_url = given.map(str::to_owned);
        let mut connection = Connection { endpoint_url, ..Connection::default() };
        connection.adopt(&config.build(), "Kinesis").map(|()| connection)
    }

    fn without_region() -> SdkConfig {
        SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build()
    }

    #[test]
    fn an_endpoint_that_is_no_url_is_refused() {
        for (url, reason) in [
            ("localhost:8000", "it begins neither with http:// nor with https://"),
            ("nonsense", "it begins neither with http:// nor with https://"),
            ("ftp://127.0.0.1", "it begins neither with http:// nor with https://"),
            ("http://", "empty string"),
            ("http://a b", "invalid uri character"),
        ] {
            for refused in [adopted(None, Some(url)), adopted(Some(url), None)] {
                let Err(Error::Misuse(text)) = refused else { panic!("{url}: {refused:?}") };
                let expected = format!("{url:?} is not where Kinesis can be: ");
                assert!(text.starts_with(&expected), "{text}");
                assert!(text.contains(reason), "{text}");
            }
        }
    }

    #[test]
    fn an_endpoint_that_was_found_is_taken_over() {
        for url in ["http://127.0.0.1:8000", "https://kinesis.eu-central-1.amazonaws.com/"] {
            assert_eq!(adopted(None, Some(url)).unwrap().endpoint_url.as_deref(), Some(url));
            assert_eq!(adopted(Some(url), None).unwrap().endpoint_url.as_deref(), Some(url));
        }
        assert_eq!(adopted(None, None).unwrap().endpoint_url, None);
    }

    #[test]
    fn a_configuration_without_a_region_is_refused() {
        let mut connection = Connection::default();
        let refused = connection.adopt(&without_region(), "Kinesis");
        let Err(Error::Misuse(text)) = refused else { panic!("{refused:?}") };
        assert!(text.starts_with("no AWS region is configured: set AWS_REGION"), "{text}");
        connection.profile = Some("nosuch".to_owned());
        let refused = connection.adopt(&without_region(), "Kinesis");
        let Err(Error::Misuse(text)) = refused else { panic!("{refused:?}") };
        assert!(text.contains("the profile \"nosuch\" has none, or does not exist"), "{text}");
    }

    #[test]
    fn an_endpoint_that_is_no_url_is_refused_before_anything_about_the_region() {
        for url in ["nonsense", ""] {
            let endpoint_url = Some(url.to_owned());
            let mut connection = Connection { endpoint_url, ..Connection::default() };
            let refused = connection.adopt(&without_region(), "Kinesis");
            let Err(Error::Misuse(text)) = refused else { panic!("{url}: {refused:?}") };
            assert!(text.starts_with(&format!("{url:?} is not where Kinesis can be: ")), "{text}");
        }
    }

    #[tokio::test]
    async fn requests_end_in_bounded_time() {
        let config = Connection { is_local: true, ..Connection::default() }.sdk_config().await;
        let timeouts = config.timeout_config().unwrap();
        assert_eq!(timeouts.connect_timeout(), Some(Duration::from_secs(3)));
        assert_eq!(timeouts.operation_attempt_timeout(), Some(Duration::from_secs(10)));
        assert_eq!(timeouts.operation_timeout(), Some(Duration::from_secs(30)));
        assert_eq!(config.retry_config().unwrap().max_attempts(), 5);
    }
}
