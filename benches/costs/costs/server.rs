//! The local server that everything is counted on.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use tokio::net::TcpListener;

/// Starts a DynamoDB-compatible server in this process, for as long as the program runs. It reports
/// consumed capacity as DynamoDB does.
pub async fn start() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let database = dynoxide::Database::memory().map_err(std::io::Error::other)?;
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    Ok(url)
}

/// A client of it.
pub fn client(url: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "static"))
        .endpoint_url(url);
    Client::from_conf(config.build())
}
