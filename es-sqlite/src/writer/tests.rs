use std::time::Duration;

use super::*;
use crate::options::SqliteOptions;

fn file(directory: &tempfile::TempDir) -> DatabaseFile {
    let mut options = SqliteOptions::new(&directory.path().join("test.db"));
    options.busy_timeout = Duration::from_secs(120);
    DatabaseFile::new(&options).expect("the path is absolute")
}

fn consumers(file: &DatabaseFile) -> i64 {
    let db = Connection::open(file.path()).expect("the file opens");
    db.query_row("SELECT count(*) FROM consumers", [], |row| row.get(0)).expect("it is read")
}

async fn insert(writer: &Writer, name: &'static str) -> Result<()> {
    let insert = "INSERT INTO consumers (consumer, first_revision) VALUES (?1, 1)";
    writer.run(move |db| Ok(db.execute(insert, [name]).map(drop)?)).await
}

/// A violation that SQLite finds at the end of the transaction only.
async fn spoil_the_commit(writer: &Writer) -> Result<()> {
    writer
        .run(|db| {
            db.execute_batch(
                "PRAGMA defer_foreign_keys = ON; \
                 INSERT INTO indexed_fields VALUES ('no such view', 'f', 1)",
            )?;
            Ok(())
        })
        .await
}

/// All of these writes are in the queue before the first can begin, as the lock is taken.
async fn in_one_group<T>(file: &DatabaseFile, writes: impl Future<Output = T>) -> T {
    let lock = Connection::open(file.path()).expect("the file opens");
    lock.execute_batch("BEGIN IMMEDIATE").expect("the lock is free");
    let mut writes = Box::pin(writes);
    assert!(futures::poll!(&mut writes).is_pending());
    drop(lock);
    writes.await
}

#[tokio::test]
async fn a_failed_commit_fails_every_write_of_its_group_and_no_other() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = file(&directory);
    let db = file.open_writer().expect("the file opens");
    let writer = Writer::start(file.clone(), db, 10).expect("the thread starts");

    let all = futures::future::join3(
        insert(&writer, "before"),
        spoil_the_commit(&writer),
        insert(&writer, "behind"),
    );
    let (before, spoilt, behind) = in_one_group(&file, all).await;
    for result in [before, spoilt, behind] {
        assert!(matches!(result, Err(Error::Backend { .. })), "{result:?}");
    }
    assert_eq!(consumers(&file), 0);
    assert_eq!(writer.stats(), WriterStats::default());

    insert(&writer, "afterwards").await.expect("the writer goes on");
    assert_eq!(consumers(&file), 1);
    writer.close().await.expect("it closes");
}

#[tokio::test]
async fn a_write_that_fails_half_way_leaves_no_trace() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = file(&directory);
    let db = file.open_writer().expect("the file opens");
    let writer = Writer::start(file.clone(), db, 10).expect("the thread starts");
    let half = writer.run(|db| -> Result<(), Fault> {
        db.execute("INSERT INTO consumers (consumer, first_revision) VALUES ('half', 1)", [])?;
        Err(Error::Misuse("changed its mind".to_owned()).into())
    });
    let (half, whole) = futures::future::join(half, insert(&writer, "whole")).await;
    assert!(matches!(half, Err(Error::Misuse(_))), "{half:?}");
    whole.expect("it is on its own");
    assert_eq!(consumers(&file), 1);
}

/// As an append does, without a savepoint.
async fn insert_whole(writer: &Writer, name: &'static str) -> Result<()> {
    let insert = "INSERT INTO consumers (consumer, first_revision) VALUES (?1, 1)";
    writer.run_whole(move |db| Ok(db.execute(insert, [name]).map(drop)?)).await
}

#[tokio::test]
async fn a_group_whose_transaction_sqlite_has_ended_by_itself_has_failed_whatever_its_writes_say() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = file(&directory);
    let db = file.open_writer().expect("the file opens");
    let writer = Writer::start(file.clone(), db, 10).expect("the thread starts");

    // What a full disk does in the middle of a write that goes on and succeeds.
    let ended = writer.run_whole(|db| Ok(db.execute_batch("ROLLBACK")?));
    let all = futures::future::join3(
        insert_whole(&writer, "before"),
        ended,
        insert_whole(&writer, "behind"),
    );
    let (before, ended, behind) = in_one_group(&file, all).await;
    for result in [before, ended] {
        assert!(
            matches!(result, Err(Error::Backend { .. } | Error::Unavailable { .. })),
            "{result:?}"
        );
    }
    // It was in the queue behind them, and is in a group of its own.
    behind.expect("the writer goes on");
    assert_eq!(consumers(&file), 1, "what was told to have failed is not there");
    writer.close().await.expect("it closes");
}
