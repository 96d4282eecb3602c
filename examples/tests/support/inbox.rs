use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use es_core::{Backoff, Checkpoint, MessageQueue, ReadStream, StreamId, Topic};
use es_examples::ingest::backend::{self, Backend};
use es_examples::ingest::documents::Directory;
use es_examples::ingest::names::Names;
use es_examples::ingest::service::{Ingest, Options};
use es_examples::ingest::stations::KnownStations;
use futures::TryStreamExt as _;

#[cfg(feature = "aws")]
use super::aws::local_aws;
use super::place::Place;

/// A place of the program `ingest`, with where its files are put.
pub trait Inbox: Place + Sync {
    /// Puts a file there in one step, as its owner does.
    fn put(&self, name: &str, content: &str) -> impl Future<Output = ()> + Send;

    /// The same system in the test's process, to look into it. Nothing runs there.
    fn inside(&self) -> impl Future<Output = Ingested> + Send;

    /// What has to be said to `serve` so that it is quick.
    fn quickly(&self) -> Vec<&'static str>;
}

/// An ingest system that is looked into.
#[derive(Debug)]
pub struct Ingested {
    pub backend: Backend,
    pub ingest: Ingest,
}

impl Ingested {
    async fn on(backend: Backend) -> Self {
        let options = Options {
            keep: Duration::from_secs(60),
            backoff: Backoff::default(),
            register: Arc::new(KnownStations),
        };
        Self { ingest: Ingest::new(backend.clone(), options).await.unwrap(), backend }
    }

    pub fn queues(&self) -> &Arc<dyn MessageQueue> {
        &self.backend.queues
    }

    pub fn topics(&self) -> &Arc<dyn Topic> {
        &self.backend.topics
    }

    /// The names of what happened to an event, in the log.
    pub async fn history(&self, id: &str) -> Vec<String> {
        let stream = StreamId::new("intake", id).unwrap();
        let pages: Vec<_> =
            self.backend.log.read(ReadStream::new(stream)).try_collect().await.unwrap();
        let commits = pages.iter().flatten();
        let names = commits.flat_map(|commit| commit.events().names());
        names.map(|(name, _)| name.to_owned()).collect()
    }

    /// Everything in the log, as it is stored.
    pub async fn all_that_happened(&self) -> String {
        let (mut said, start) = (String::new(), Checkpoint::start());
        for partition in self.backend.feed.partitions().await.unwrap() {
            let read = self.backend.feed.read(&partition.id, &start, 1_000);
            let page = read.await.unwrap();
            for commit in &page.commits {
                said += &format!("{} {:?}", commit.stream(), commit.metadata().unwrap());
                said += commit.events().payloads_text().unwrap();
            }
        }
        said
    }
}

/// The embedded backend, with the `inbox` of its data directory.
#[derive(Debug)]
pub struct LocalInbox(tempfile::TempDir);

impl LocalInbox {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("inbox")).unwrap();
        Self(directory)
    }

    pub fn data(&self) -> &Path {
        self.0.path()
    }

    pub fn inbox(&self) -> PathBuf {
        self.data().join("inbox")
    }
}

impl Place for LocalInbox {
    fn arguments(&self) -> Vec<OsString> {
        self.data().arguments()
    }
}

impl Inbox for LocalInbox {
    async fn put(&self, name: &str, content: &str) {
        let half = self.inbox().join(format!(".{name}"));
        std::fs::write(&half, content).unwrap();
        std::fs::rename(half, self.inbox().join(name)).unwrap();
    }

    async fn inside(&self) -> Ingested {
        let names = Names::beginning_with("ingest-").unwrap();
        let watched = Directory::new(self.inbox());
        let embedded = backend::Embedded::open(self.data(), watched, names).await.unwrap();
        Ingested::on(embedded.backend()).await
    }

    fn quickly(&self) -> Vec<&'static str> {
        vec!["--scan-every", "50ms", "--retry-after", "20ms"]
    }
}

/// The same on local servers that stand for AWS, with a bucket.
#[cfg(feature = "aws")]
#[derive(Debug)]
pub struct S3Inbox {
    options: backend::AwsOptions,
    http: reqwest::Client,
}

#[cfg(feature = "aws")]
impl S3Inbox {
    pub fn new() -> Self {
        let prefix = format!("t{}-", uuid::Uuid::now_v7().simple());
        let options = backend::AwsOptions {
            names: Names::beginning_with(&prefix).unwrap(),
            account: None,
            bucket: format!("{prefix}inbox"),
            create_bucket: true,
            table_prefix: prefix,
            connection: local_aws(),
            create: true,
        };
        Self { options, http: reqwest::Client::new() }
    }
}

#[cfg(feature = "aws")]
impl S3Inbox {
    /// Whom the bucket tells of what.
    pub async fn notifications(&self) -> String {
        let told = self.http.get(self.notifications_url()).send().await.unwrap();
        told.text().await.unwrap()
    }

    /// Makes the bucket, as somebody else does, and has it tell a queue of its own of what is removed.
    pub async fn with_a_queue_that_is_told_of_removals(&self, queue: &str) {
        let inside = backend::Aws::open(self.options.clone()).await.unwrap().backend();
        let queue_name = es_core::QueueName::new(queue).unwrap();
        inside.queues.configure(&queue_name, es_core::QueueOptions::default()).await.unwrap();
        let configuration = format!(
            "<NotificationConfiguration><QueueConfiguration><Id>theirs</Id>\
             <Queue>arn:aws:sqs:us-east-1:000000000000:{queue}</Queue><Event>s3:ObjectRemoved:*</Event>\
             </QueueConfiguration></NotificationConfiguration>"
        );
        let put = self.http.put(self.notifications_url()).body(configuration).send().await.unwrap();
        assert!(put.status().is_success(), "{put:?}");
    }

    fn notifications_url(&self) -> String {
        let endpoint = self.options.connection.endpoint_url.as_deref().unwrap();
        format!("{endpoint}/{}?notification=", self.options.bucket)
    }
}

#[cfg(feature = "aws")]
impl Place for S3Inbox {
    fn arguments(&self) -> Vec<OsString> {
        let connection = &self.options.connection;
        let place = [
            ("--backend", "aws"),
            ("--region", connection.region.as_deref().unwrap()),
            ("--table-prefix", &self.options.table_prefix),
            ("--endpoint-url", connection.endpoint_url.as_deref().unwrap()),
        ];
        place.iter().flat_map(|(flag, value)| [flag, value]).map(OsString::from).collect()
    }
}

#[cfg(feature = "aws")]
impl Inbox for S3Inbox {
    async fn put(&self, name: &str, content: &str) {
        let (endpoint, bucket) = (&self.options.connection.endpoint_url, &self.options.bucket);
        let url = format!("{}/{bucket}/{name}", endpoint.as_deref().unwrap());
        // Local servers look at nobody's signature.
        let put = self.http.put(url).body(content.to_owned()).send().await.unwrap();
        assert!(put.status().is_success(), "{put:?}");
    }

    async fn inside(&self) -> Ingested {
        let aws = backend::Aws::open(self.options.clone()).await.unwrap();
        Ingested::on(aws.backend()).await
    }

    fn quickly(&self) -> Vec<&'static str> {
        vec!["--retry-after", "20ms"]
    }
}
