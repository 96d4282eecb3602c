//! A whole log goes from a SQLite file to DynamoDB and back, by archives.

mod support;

use std::path::Path;
use std::sync::Arc;

use es_core::archive::{ArchiveError, Export, Import, Report};
use es_core::testing::SeededEntropy;
use es_core::testing::faults::{Call, Fault, Faults, FaultyEventStore};
use es_core::{
    Codec, CommitId, Compression, EncodedEvents, Event, EventStore, Expected, Feed, Metadata,
    NewCommit, StreamId, Timestamp,
};
use es_dynamodb::DynamoStore;
use es_sqlite::SqliteStore;
use support::Server;

#[derive(Debug, Clone, Event)]
#[event(prefix = "Walk")]
enum Walked {
    Step { metres: u32, note: String },
}

const COMMITS: u64 = 120;

/// Commits of seven walks in turns, a millisecond apart, every fifth of them compressed.
async fn walk(store: &SqliteStore) {
    let entropy = SeededEntropy::new(1);
    for n in 0..COMMITS {
        let stream = StreamId::new("walk", &format!("w-{}", n % 7)).unwrap();
        let step = Walked::Step { metres: n as u32, note: "step by step ".repeat(5) };
        let steps = vec![step; 1 + n as usize % 3];
        let from = if n % 5 == 0 { 0 } else { usize::MAX };
        let events = EncodedEvents::encode(&steps, Codec::Json, Compression::Zstd, from).unwrap();
        let at = Timestamp::from_millisecond(1_772_366_400_000 + n as i64).unwrap();
        let mut metadata = Metadata::new();
        metadata.actor = Some(format!("walker {}", n % 2));
        let id = CommitId::generate(at, &entropy);
        let commit = NewCommit::new(id, at, metadata.encode().unwrap(), events);
        store.append(&stream, Expected::Any, commit).await.unwrap();
    }
}

async fn sqlite(directory: &tempfile::TempDir, name: &str) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(Path::join(directory.path(), name)).await.unwrap())
}

async fn export<S: EventStore + Feed>(store: &Arc<S>) -> (Vec<u8>, Report) {
    let mut file = Vec::new();
    let export = Export::new(store.clone(), store.clone()).with_page_size(11);
    let report = export.write_to(&mut file).await.unwrap();
    (file, report)
}

/// An import that its first error ends.
async fn import(store: Arc<dyn EventStore>, file: &[u8]) -> Result<Report, ArchiveError> {
    Import::new(store).with_max_attempts(1).read_from(file).await
}

#[tokio::test]
async fn a_log_goes_from_sqlite_to_dynamodb_and_back() {
    let (directory, server) = (tempfile::tempdir().unwrap(), Server::start().await);
    let old = sqlite(&directory, "old.db").await;
    walk(&old).await;
    let (file, exported) = export(&old).await;

    // Half-way the network fails, once before and once behind the table.
    let dynamodb: Arc<DynamoStore> = Arc::new(server.store().await);
    for fault in [Fault::LostRequest, Fault::LostAcknowledgement] {
        let faults = Faults::none();
        faults.at(Call::Append, COMMITS / 2, fault);
        let broken = FaultyEventStore::new(dynamodb.clone(), faults);
        let refused = import(Arc::new(broken), &file).await.unwrap_err();
        assert!(refused.is_transient(), "{refused}");
    }
    let resumed = import(dynamodb.clone(), &file).await.unwrap();
    assert!(resumed.skipped >= COMMITS / 2, "{resumed:?}");
    assert_eq!((resumed.commits, resumed.digest), (COMMITS, exported.digest));

    let (file, there) = export(&dynamodb).await;
    assert_eq!((there.commits, there.digest), (COMMITS, exported.digest));
    let new = sqlite(&directory, "new.db").await;
    let back = import(new.clone(), &file).await.unwrap();
    assert_eq!((back.commits, back.skipped), (COMMITS, 0));
    assert_eq!(export(&new).await.1.digest, exported.digest);
}

#[tokio::test]
async fn a_commit_is_imported_by_one_request_and_recognised_by_one() {
    let (directory, server) = (tempfile::tempdir().unwrap(), Server::start().await);
    let old = sqlite(&directory, "old.db").await;
    walk(&old).await;
    let (file, _) = export(&old).await;
    let requests = support::faults::Faults::none();
    let dynamodb = Arc::new(server.store_behind(&requests).await);
    for times in 1..=2 {
        import(dynamodb.clone(), &file).await.unwrap();
        assert_eq!(requests.requests("PutItem"), times * COMMITS);
        assert_eq!(requests.all_requests(), times * COMMITS, "and nothing is read");
    }
}
