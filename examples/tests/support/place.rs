use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where the data of a test is, as its user says it on the command line.
pub trait Place {
    fn arguments(&self) -> Vec<OsString>;

    /// These and the arguments of a command.
    fn with(&self, command: &[&str]) -> Vec<OsString> {
        command.iter().map(OsString::from).chain(self.arguments()).collect()
    }
}

impl Place for Path {
    fn arguments(&self) -> Vec<OsString> {
        vec!["--data-dir".into(), self.into()]
    }
}

impl Place for PathBuf {
    fn arguments(&self) -> Vec<OsString> {
        self.as_path().arguments()
    }
}

/// The embedded backend, in a directory of its own.
#[derive(Debug)]
pub struct Embedded(tempfile::TempDir);

impl Embedded {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn directory(&self) -> &Path {
        self.0.path()
    }
}

impl Place for Embedded {
    fn arguments(&self) -> Vec<OsString> {
        self.0.path().arguments()
    }
}

/// DynamoDB tables on a server of this process.
#[cfg(feature = "aws")]
#[derive(Debug)]
pub struct DynamoDb {
    files: tempfile::TempDir,
    url: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    serving: Option<std::thread::JoinHandle<()>>,
}

#[cfg(feature = "aws")]
impl DynamoDb {
    pub fn new() -> Self {
        let files = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let database = dynoxide::Database::memory().unwrap();
                tokio::select! {
                    () = dynoxide::server::serve_on(listener, database) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { files, url, stop: Some(stop), serving: Some(serving) }
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

#[cfg(feature = "aws")]
impl Place for DynamoDb {
    fn arguments(&self) -> Vec<OsString> {
        let tables = ["--backend", "dynamodb", "--endpoint-url", &self.url];
        tables.iter().map(OsString::from).chain(self.files.path().arguments()).collect()
    }
}

/// The same for programs that keep nothing else.
#[cfg(feature = "aws")]
#[derive(Debug)]
pub struct DynamoDbAlone(DynamoDb);

#[cfg(feature = "aws")]
impl DynamoDbAlone {
    pub fn new() -> Self {
        Self(DynamoDb::new())
    }
}

#[cfg(feature = "aws")]
impl Place for DynamoDbAlone {
    fn arguments(&self) -> Vec<OsString> {
        ["--backend", "aws", "--endpoint-url", self.0.url()].map(OsString::from).into()
    }
}

#[cfg(feature = "aws")]
impl Drop for DynamoDb {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}
