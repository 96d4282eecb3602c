use std::path::Path;
use std::sync::Arc;

use es_dynamodb::DynamoStore;
use object_store::ObjectStore;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::aws::ConnectionArguments;
use crate::data_directory::has_database;

use super::{Backend, OpenError, make, open_objects};

/// DynamoDB tables for everything but the prescription files, which are in a directory.
#[derive(Debug)]
pub struct DynamoDb {
    store: Arc<DynamoStore>,
    objects: Arc<dyn ObjectStore>,
    local: Option<LocalServer>,
}

/// Which DynamoDB, and which tables.
#[derive(Debug, Clone)]
pub struct DynamoDbOptions {
    /// What the names of the tables begin with.
    pub table_prefix: String,
    /// Where DynamoDB answers.
    pub connection: ConnectionArguments,
    /// Whether tables that are missing are made, instead of being an error.
    pub create_tables: bool,
    /// Whether to start a server in this process, with its data beside the files.
    pub local: bool,
}

impl DynamoDbOptions {
    /// Which tables these are, for people.
    pub fn place(&self) -> String {
        let prefix = &self.table_prefix;
        match self.local {
            true => format!("tables {prefix}* of the local server"),
            false => format!("tables {prefix}* {}", self.connection.place()),
        }
    }

    /// How to ask for them on the command line.
    pub fn arguments(&self) -> String {
        format!("--backend dynamodb {}", self.flags())
    }

    pub(super) fn flags(&self) -> String {
        let mut arguments = Vec::new();
        if self.local {
            arguments.push("--local".to_owned());
        }
        arguments.extend(self.connection.flags());
        arguments.push(format!("--table-prefix {}", self.table_prefix));
        arguments.join(" ")
    }
}

impl DynamoDb {
    /// Connects to the tables, and opens the files in `directory`.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] and [`OpenError::MissingTables`] when there is no data and none is to be
    /// made; [`OpenError`].
    pub async fn open(directory: &Path, options: DynamoDbOptions) -> Result<Self, OpenError> {
        let objects = open_objects(directory)?;
        let mut local = None;
        let mut builder = options.connection.tables(&options.table_prefix, options.create_tables);
        if options.local {
            let server = LocalServer::start(directory, options.create_tables).await?;
            builder = builder.local_endpoint(&server.url);
            local = Some(server);
        }
        let store = builder.connect().await?;
        if options.create_tables {
            store.ensure_tables().await?;
        } else {
            let missing = store.missing_tables().await?;
            if !missing.is_empty() {
                return Err(OpenError::MissingTables { place: options.place(), missing });
            }
        }
        Ok(Self { store: Arc::new(store), objects, local })
    }

    pub(super) fn store(&self) -> &Arc<DynamoStore> {
        &self.store
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
            pipeline: None,
        }
    }

    /// Stops the server of this process, if there is one, when it has answered everything.
    pub async fn close(self) {
        if let Some(local) = self.local {
            local.stop().await;
        }
    }
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
    const DATABASE: &'static str = "dynamodb.db";

    /// On the data in `directory`, which is made if there is none and that is asked for.
    async fn start(directory: &Path, make_data: bool) -> Result<Self, OpenError> {
        let file = directory.join(Self::DATABASE);
        if make_data {
            make(directory)?;
        } else if !has_database(&file) {
            return Err(OpenError::Missing(directory.to_owned()));
        }
        let failed = |error: String| OpenError::LocalServer(error);
        let database = open_database(&file)?;
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

fn open_database(file: &Path) -> Result<dynoxide::Database, OpenError> {
    let failed = |reason: String| OpenError::LocalServer(format!("{}: {reason}", file.display()));
    let path = file.to_str().ok_or_else(|| failed("its name is not UTF-8".to_owned()))?;
    dynoxide::Database::new(path).map_err(|error| match error {
        // What else it says is about encryption, which is not built in.
        dynoxide::DynoxideError::InternalServerError(_) => {
            failed("it is damaged, or no database of this server".to_owned())
        }
        error => failed(error.to_string()),
    })
}
