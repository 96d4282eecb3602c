//! Events that cannot be read stop the reader with an error that says where; the bytes are kept, and
//! nothing is decided on what could be read.

use es_core::testing::faults::{Call, Fault, Faults};
use es_core::{
    DecodeError, EncodedEvents, Error, EventStore, ExecuteError, Expected, NewCommit, ReadStream,
    Repository, Version,
};
use futures::StreamExt as _;

use crate::ledger::{Ledger, LedgerEvent, enter, entered, foreign, on_faults, stream};

/// A commit as its writer, or a disk, left it.
fn stored(encoding: &str, manifest: &str, payloads: impl Into<bytes::Bytes>) -> NewCommit {
    let encoding = encoding.parse().unwrap();
    let events = EncodedEvents::from_stored(encoding, manifest.into(), payloads.into()).unwrap();
    NewCommit { events, ..foreign(2, 1) }
}

/// Loads and executes: both must fail in the same way, and leave the log as it is.
async fn failures(ledgers: &Repository<Ledger>, log: &dyn EventStore) -> [Error; 2] {
    let before = log.head(&stream("a")).await.unwrap();
    let loaded = ledgers.load("a").await.unwrap_err();
    let executed = match ledgers.execute("a", enter(3)).await.unwrap_err() {
        ExecuteError::Failed(error) => error,
        rejected => panic!("{rejected:?}"),
    };
    assert_eq!(log.head(&stream("a")).await.unwrap(), before, "nothing is decided on half a state");
    [loaded, executed]
}

/// Two lines that can be read, and then this commit. Returns what readers get.
async fn after_two_lines(commit: NewCommit) -> [Error; 2] {
    let (store, ledgers) = on_faults(&Faults::none());
    store.append(&stream("a"), Expected::NoStream, foreign(1, 2)).await.unwrap();
    let appended = store.append(&stream("a"), Expected::Any, commit.clone()).await.unwrap().commit;
    let errors = failures(&ledgers, &*store).await;

    let page = store.read(ReadStream::new(stream("a"))).next().await.unwrap().unwrap();
    assert_eq!(page[1], appended, "the bytes are kept");
    assert_eq!(page[1].events(), &commit.events);
    assert_eq!(ledgers.load_at("a", Version::new(2)).await.unwrap().lines, [1, 1]);
    errors
}

fn cause(error: Error) -> (u64, String, u32, DecodeError) {
    assert!(!error.is_transient());
    match error {
        Error::Decode { stream: at, version, name, schema_version, source } => {
            assert_eq!(at, stream("a"));
            (version.get(), name, schema_version, source)
        }
        other => panic!("{other:?}"),
    }
}

const LINE: &str = r#"{"number":2,"line":1,"of":1,"before":2}"#;

#[tokio::test]
async fn an_event_of_an_unknown_name_is_named_with_its_place() {
    for error in after_two_lines(stored("json", "Ledger:Closed 7 2", "{}")).await {
        let (version, name, schema_version, source) = cause(error);
        assert_eq!((version, name.as_str(), schema_version), (3, "Ledger:Closed", 7));
        assert!(matches!(source, DecodeError::UnknownName));
    }
}

#[tokio::test]
async fn an_event_of_a_newer_version_is_not_read_as_an_older_one() {
    for newer in [2, u32::MAX] {
        let manifest = format!("Ledger:Entered {newer} {}", LINE.len());
        for error in after_two_lines(stored("json", &manifest, LINE)).await {
            let (version, _, schema_version, source) = cause(error);
            assert_eq!((version, schema_version), (3, newer));
            assert!(matches!(source, DecodeError::UnknownVersion { newest: 1 }), "{source:?}");
        }
    }
}

#[tokio::test]
async fn a_version_before_the_first_is_not_read() {
    let manifest = format!("Ledger:Entered 0 {}", LINE.len());
    for error in after_two_lines(stored("json", &manifest, LINE)).await {
        assert!(matches!(cause(error), (3, _, 0, DecodeError::UnknownVersion { .. })));
    }
}

#[tokio::test]
async fn a_payload_that_is_cut_anywhere_is_an_error_of_its_event() {
    for end in 0..LINE.len() {
        let manifest = format!("Ledger:Entered 1 {end}");
        for error in after_two_lines(stored("json", &manifest, &LINE[..end])).await {
            assert!(matches!(cause(error), (3, _, 1, DecodeError::Payload(_))), "cut at {end}");
        }
    }
    let whole: &[u8] = &[2, 1, 1, 2];
    for bytes in [&[], &whole[..1], &whole[..3], &[2, 1, 1, 2, 0], &[0xff; 40]] {
        let manifest = format!("Ledger:Entered 1 {}", bytes.len());
        for error in after_two_lines(stored("postcard", &manifest, bytes)).await {
            assert!(matches!(cause(error), (3, _, 1, DecodeError::Payload(_))), "{bytes:?}");
        }
    }
}

#[tokio::test]
async fn the_place_is_that_of_the_event_inside_its_commit() {
    let manifest = format!("Ledger:Entered 1 {0}\nLedger:Entered 1 {0}\nX:Y 1 2", LINE.len());
    let commit = stored("json", &manifest, format!("{LINE}\n{LINE}\n{{}}"));
    for error in after_two_lines(commit).await {
        assert_eq!(cause(error).0, 5);
    }
}

#[tokio::test]
async fn payloads_that_cannot_be_opened_are_a_damaged_commit() {
    for encoding in ["json+zstd", "postcard+zstd"] {
        for payloads in [&b""[..], b"\x28\xb5\x2f\xfd", b"not zstd at all"] {
            let manifest = format!("Ledger:Entered 1 {}", LINE.len());
            for error in after_two_lines(stored(encoding, &manifest, payloads)).await {
                match error {
                    Error::CorruptCommit { stream: at, version, .. } => {
                        assert_eq!((at, version.get()), (stream("a"), 3));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn damage_that_the_store_finds_comes_through_with_its_place() {
    let faults = Faults::none();
    let (store, ledgers) = on_faults(&faults);
    ledgers.execute("a", enter(1)).await.unwrap();
    for nth in 1..=2 {
        faults.at(Call::ReadStream, nth, Fault::CorruptBytes);
    }
    for error in failures(&ledgers, &*store).await {
        assert!(!error.is_transient());
        match error {
            Error::CorruptCommit { stream: at, version, .. } => {
                assert_eq!((at, version), (stream("a"), Version::FIRST));
            }
            other => panic!("{other:?}"),
        }
    }
    ledgers.execute("a", enter(3)).await.unwrap();
    assert_eq!(entered(&*store, "a").await, [1, 3]);
}

/// A digit that became another one is a value; everything else is an error with a place. Never a panic.
#[tokio::test]
async fn damage_that_the_store_does_not_find_is_an_error_or_another_value_of_the_event() {
    let (mut errors, mut values) = (0, 0);
    for seed in 0..300 {
        let faults = Faults::seeded(seed);
        let (_, ledgers) = on_faults(&faults);
        for number in 1..=3 {
            ledgers.execute("a", enter(number)).await.unwrap();
        }
        faults.at(Call::ReadStream, 1, Fault::DamagedBytes);
        match ledgers.load("a").await {
            Ok(ledger) => {
                assert_eq!(ledger.version().get(), 2 + 3 + 1);
                values += 1;
            }
            Err(error @ Error::Decode { .. }) => {
                assert!((1..=6).contains(&cause(error).0));
                errors += 1;
            }
            Err(Error::CorruptCommit { stream: at, .. }) if at == stream("a") => errors += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(errors > 0 && values > 0, "{errors} errors, {values} values");
}

#[test]
fn what_can_be_read_is_what_was_written() {
    let commit = stored("json", &format!("Ledger:Entered 1 {}", LINE.len()), LINE);
    let placed = commit.place(stream("a"), Version::new(3));
    let decoded = placed.decode::<LedgerEvent>().unwrap();
    assert_eq!(decoded[0].event, LedgerEvent::Entered { number: 2, line: 1, of: 1, before: 2 });
}
