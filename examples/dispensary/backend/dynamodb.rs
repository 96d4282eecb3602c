use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::Uri;
use es_dynamodb::{DynamoStore, TableCreation};
use object_store::local::LocalFileSystem;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Backend, OpenError, open_objects};

/// DynamoDB tables for everything but the prescription files, which are in a directory.
#[derive(Debug)]
pub struct DynamoDb {
    store: Arc<DynamoStore>,
    objects: Arc<LocalFileSystem>,
    local: Option<LocalServer>,
}

/// Which DynamoDB, and which tables.
#[derive(Debug, Clone)]
pub struct DynamoDbOptions {
    /// What the names of the tables begin with.
    pub table_prefix: String,
    /// Where DynamoDB answers; by default where the AWS configuration says.
    pub endpoint_url: Option<String>,
    /// The region, before what the AWS configuration says.
    pub region: Option<String>,
    /// The profile of the AWS configuration.
    pub profile: Option<String>,
    /// Whether tables that are missing are made.
    pub create_tables: bool,
    /// Whether to start a server in this process, with its data beside the files.
    pub local: bool,
}

impl DynamoDbOptions {
    /// Which tables these are, for people.
    pub fn place(&self) -> String {
        let prefix = &self.table_prefix;
        match (&self.endpoint_url, &self.region) {
            _ if self.local => format!("tables {prefix}* of the local server"),
            (Some(url), _) => format!("tables {prefix}* at {url}"),
            (None, Some(region)) => format!("tables {prefix}* in {region}"),
            (None, None) => format!("tables {prefix}* of the AWS configuration"),
        }
    }

    /// How to ask for them on the command line.
    pub fn arguments(&self) -> String {
        let mut arguments = vec!["--backend dynamodb".to_owned()];
        if self.local {
            arguments.push("--local".to_owned());
        }
        let given = [
            ("--endpoint-url", &self.endpoint_url),
            ("--region", &self.region),
            ("--profile", &self.profile),
        ];
        for (flag, value) in given {
            arguments.extend(value.as_ref().map(|value| format!("{flag} {value}")));
        }
        arguments.push(format!("--table-prefix {}", self.table_prefix));
        arguments.join(" ")
    }
}

impl DynamoDb {
    /// Connects to the tables, and opens the files in `directory`.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open(directory: &Path, options: DynamoDbOptions) -> Result<Self, OpenError> {
        let objects = Arc::new(open_objects(directory)?);
        let mut builder = DynamoStore::builder(&options.table_prefix);
        if options.create_tables {
            builder = builder.table_creation(TableCreation::IfMissing);
        }
        if let Some(region) = options.region {
            builder = builder.region(region);
        }
        if let Some(profile) = options.profile {
            builder = builder.profile(profile);
        }
        let mut local = None;
        if options.local {
            let server = LocalServer::start(directory.join("dynamodb.db")).await?;
            builder = builder.local_endpoint(&server.url);
            local = Some(server);
        } else if let Some(url) = options.endpoint_url {
            builder = match is_loopback(&url) && !has_keys() {
                true => builder.local_endpoint(url),
                false => builder.endpoint_url(url),
            };
        }
        let store = builder.connect().await?;
        if options.create_tables {
            store.ensure_tables().await?;
        }
        Ok(Self { store: Arc::new(store), objects, local })
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        Backend {
            log: self.store.clone(),
            feed: self.store.clone(),
            snapshots: self.store.clone(),
            views: self.store.clone(),
            checkpoints: self.store.clone(),
            objects: self.objects.clone(),
        }
    }

    /// Stops the server of this process, if there is one, when it has answered everything.
    pub async fn close(self) {
        if let Some(local) = self.local {
            local.stop().await;
        }
    }
}

/// Whether nobody but this machine answers there.
fn is_loopback(url: &str) -> bool {
    let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    host.is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

/// Whether the environment says who is asking.
fn has_keys() -> bool {
    ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"].iter().any(|name| std::env::var_os(name).is_some())
}

/// A DynamoDB-compatible server in this process, on a free port of the loopback interface, with its data
/// in a file. For trying things out: it is no service.
#[derive(Debug)]
struct LocalServer {
    url: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), String>>,
}

impl LocalServer {
    async fn start(file: PathBuf) -> Result<Self, OpenError> {
        let failed = |error: String| OpenError::LocalServer(error);
        let path = file.to_str().ok_or_else(|| failed(format!("{file:?} is not UTF-8")))?;
        let database = dynoxide::Database::new(path).map_err(|error| failed(error.to_string()))?;
        let listener =
            TcpListener::bind("127.0.0.1:0").await.map_err(|error| failed(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving =
            tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
                // A dropped sender stops the server just as well.
                let _ = stopped.await;
            }));
        Ok(Self { url: format!("http://{address}"), stop, serving })
    }

    async fn stop(self) {
        drop(self.stop);
        // It ends well or not: nobody asks it anything any more.
        let _ = self.serving.await;
    }
}
