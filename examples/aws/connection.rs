#[cfg(feature = "aws")]
use std::net::IpAddr;

#[cfg(feature = "aws")]
use axum::http::Uri;
use clap::Args;
#[cfg(feature = "aws")]
use es_dynamodb::{DynamoStore, TableCreation};

/// Where AWS answers, and as whom it is asked.
#[derive(Debug, Clone, Default, Args)]
pub struct ConnectionArguments {
    /// Where AWS answers, as of a local server [default: what the AWS configuration says]
    ///
    /// A server on this machine is asked with made-up keys, and the files in ~/.aws are not looked at,
    /// unless --profile, AWS_PROFILE or AWS_ACCESS_KEY_ID says who asks. The region is then that of
    /// --region, or of AWS_REGION, or us-east-1. Many servers keep what is in each region and under each
    /// key apart: ask with the same ones to see the same data.
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// The AWS region [default: what the AWS configuration says]
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// The profile of the AWS configuration
    #[arg(long, global = true)]
    pub profile: Option<String>,
}

impl ConnectionArguments {
    /// The flag of the first argument that was given, if any was.
    pub fn given(&self) -> Option<&'static str> {
        let flags = [
            ("--endpoint-url", &self.endpoint_url),
            ("--region", &self.region),
            ("--profile", &self.profile),
        ];
        flags.into_iter().find(|(_, value)| value.is_some()).map(|(flag, _)| flag)
    }

    /// How to give them on the command line.
    pub fn flags(&self) -> Vec<String> {
        let given = [
            ("--endpoint-url", &self.endpoint_url),
            ("--region", &self.region),
            ("--profile", &self.profile),
        ];
        let given = given.into_iter().filter_map(|(flag, value)| Some((flag, value.as_ref()?)));
        given.map(|(flag, value)| format!("{flag} {value}")).collect()
    }

    /// Where that is, for people.
    pub fn place(&self) -> String {
        match (&self.endpoint_url, &self.region) {
            (Some(url), _) => format!("at {url}"),
            (None, Some(region)) => format!("in {region}"),
            (None, None) => "of the AWS configuration".to_owned(),
        }
    }

    /// The same, with the endpoint that the environment says (`AWS_ENDPOINT_URL`) if none was given: then it
    /// is known here, too, whether that is a local server.
    #[must_use]
    pub fn or_of_environment(&self) -> Self {
        let endpoint_url = self
            .endpoint_url
            .clone()
            .or_else(|| std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty()));
        Self { endpoint_url, ..self.clone() }
    }

    /// The same, with another server.
    #[must_use]
    pub fn at(&self, endpoint_url: &str) -> Self {
        Self { endpoint_url: Some(endpoint_url.to_owned()), ..self.clone() }
    }

    /// How the tables are connected to whose names begin so. Those of views that are missing are made with `create`.
    #[cfg(feature = "aws")]
    pub fn tables(&self, prefix: &str, create: bool) -> es_dynamodb::DynamoOptions {
        let creation = match create {
            true => TableCreation::IfMissing,
            false => TableCreation::Never,
        };
        let tables = DynamoStore::builder(prefix).connection(self.connection());
        tables.table_creation(creation)
    }

    /// How a backend connects.
    #[cfg(feature = "aws")]
    pub fn connection(&self) -> es_dynamodb::Connection {
        let is_local = self.endpoint_url.as_deref().is_some_and(|url| self.needs_no_keys(url));
        // Servers may keep what is in each region apart, so it counts where keys do not, too.
        let region = self.region.clone().or_else(|| region_of_environment().filter(|_| is_local));
        es_dynamodb::Connection {
            region,
            profile: self.profile.clone(),
            endpoint_url: self.endpoint_url.clone(),
            is_local,
        }
    }

    /// Whether the server is one that takes any keys, and nobody has said which.
    #[cfg(feature = "aws")]
    fn needs_no_keys(&self, url: &str) -> bool {
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"];
        let has_keys =
            self.profile.is_some() || keys.iter().any(|key| std::env::var_os(key).is_some());
        is_loopback(url) && !has_keys
    }
}

/// Whether nobody but this machine answers there.
#[cfg(feature = "aws")]
fn is_loopback(url: &str) -> bool {
    let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    host.is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(feature = "aws")]
fn region_of_environment() -> Option<String> {
    let named =
        ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| std::env::var(name).ok());
    named.filter(|region| !region.is_empty())
}
