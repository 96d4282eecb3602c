//! A database file with damaged bytes: what is read is what was written, or an error that says what is
//! damaged. Never another commit, and never a panic.

#![no_main]

use std::sync::LazyLock;

use es_core::{
    Checkpoint, Codec, Commit, CommitId, Compression, EncodedEvents, Event, EventStore, Expected,
    Feed, Head, NewCommit, PartitionId, ReadStream, SnapshotStore, StoredSnapshot, StreamId,
    Timestamp, Version,
};
use es_sqlite::SqliteStore;
use futures::TryStreamExt as _;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[derive(Debug, Event)]
#[event(prefix = "Ledger")]
enum LedgerEvent {
    Entered { amount: u64, note: String },
}

/// A sound file, and what is in it.
struct Sound {
    runtime: Runtime,
    directory: TempDir,
    file: Vec<u8>,
    commits: Vec<Commit>,
    snapshot: StoredSnapshot,
}

static SOUND: LazyLock<Sound> = LazyLock::new(Sound::new);

fn stream(n: usize) -> StreamId {
    StreamId::new("ledger", &format!("a-{}", n % 2)).expect("a valid id")
}

impl Sound {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("sound.db");
        let (commits, snapshot) = runtime.block_on(async {
            let store = SqliteStore::open(&path).await.expect("it opens");
            let mut commits = Vec::new();
            for n in 0..6 {
                let appended = store.append(&stream(n), Expected::Any, commit(n)).await;
                commits.push(appended.expect("it is appended").commit);
            }
            let head = Head::from_stored(commits[4].id(), Version::FIRST, Version::new(9));
            let snapshot = StoredSnapshot {
                stream: stream(0),
                head,
                schema_version: 1,
                codec: Codec::Json,
                state: br#"{"amounts":[1,2,3]}"#.to_vec().into(),
            };
            store.save(snapshot.clone()).await.expect("it is saved");
            store.close().await.expect("it closes");
            (commits, snapshot)
        });
        let file = std::fs::read(&path).expect("it is there");
        Self { runtime, directory, file, commits, snapshot }
    }

    /// Reads everything that there is; an error is of no interest but that it is one.
    async fn assert_sound_or_refused(&self, store: &SqliteStore) {
        for n in 0..2 {
            let mut own = self.commits.iter().filter(|commit| *commit.stream() == stream(n));
            let mut pages = EventStore::read(store, ReadStream::new(stream(n)).page_size(2));
            let mut read = 0;
            loop {
                match pages.try_next().await {
                    Ok(Some(page)) => {
                        for commit in page {
                            assert_eq!(
                                Some(&commit),
                                own.next(),
                                "another commit than was written"
                            );
                            read += 1;
                        }
                    }
                    Ok(None) => {
                        // A stream whose name is damaged is not found: SQLite keeps no checksums of
                        // its pages that would tell.
                        assert!(read == 0 || own.next().is_none(), "a shorter stream");
                        break;
                    }
                    Err(_) => break,
                }
            }
            let _ = store.head(&stream(n)).await;
            if let Ok(Some(found)) = store.find(&stream(n), self.commits[n].id()).await {
                assert_eq!(found, self.commits[n]);
            }
            if let Ok(Some(snapshot)) = SnapshotStore::load(store, &stream(n)).await {
                assert_eq!(snapshot, self.snapshot);
            }
        }
        self.assert_feed(store).await;
    }

    async fn assert_feed(&self, store: &SqliteStore) {
        let partition = PartitionId::new("log").expect("a valid name");
        let mut place = Checkpoint::start();
        for _ in 0..self.commits.len() + 1 {
            match Feed::read(store, &partition, &place, 2).await {
                Ok(page) if page.commits.is_empty() => return,
                Ok(page) => {
                    for commit in &page.commits {
                        assert!(self.commits.contains(commit), "a commit that nobody wrote");
                    }
                    place = page.checkpoint;
                }
                Err(_) => return,
            }
        }
    }
}

fn commit(n: usize) -> NewCommit {
    let note = "a note that is as long as notes are ".repeat(n);
    let events: Vec<_> = (0..=n % 3)
        .map(|line| LedgerEvent::Entered { amount: line as u64, note: note.clone() })
        .collect();
    let (codec, compression) = match n % 3 {
        0 => (Codec::Json, Compression::None),
        1 => (Codec::Postcard, Compression::None),
        _ => (Codec::Json, Compression::Zstd),
    };
    let events = EncodedEvents::encode(&events, codec, compression, 0).expect("it encodes");
    let id = CommitId::from_bytes((n as u128).to_be_bytes());
    NewCommit::new(id, Timestamp::UNIX_EPOCH, Default::default(), events)
}

// Each four bytes are one change: two for the place, one that says how, one for the byte.
fuzz_target!(|input: &[u8]| {
    let sound = &*SOUND;
    let mut file = sound.file.clone();
    for change in input.chunks_exact(4).take(64) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        // The file has more bytes than a place has values.
        let place = (place + usize::from(change[2] >> 1) * (1 << 16)) % file.len();
        file[place] = if change[2] & 1 == 0 { change[3] } else { file[place] ^ change[3] };
    }
    let path = sound.directory.path().join("damaged.db");
    std::fs::write(&path, file).expect("there is room");
    sound.runtime.block_on(async {
        if let Ok(store) = SqliteStore::open(&path).await {
            sound.assert_sound_or_refused(&store).await;
            let _ = store.close().await;
        }
    });
    for suffix in ["-wal", "-shm", "-journal"] {
        let _ = std::fs::remove_file(sound.directory.path().join(format!("damaged.db{suffix}")));
    }
});
