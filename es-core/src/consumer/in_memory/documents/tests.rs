use super::*;
use crate::checkpoint_store::{ConsumerId, Progress};
use crate::error::BoxError;
use crate::memory::MemoryStore;
use crate::view_store::ViewSchema;
use crate::{
    Codec, CommitId, Compression, EncodedEvents, EncodedMetadata, EventStore as _, Expected,
    NewCommit, StreamId, SystemEntropy, Timestamp, Version,
};

#[derive(Debug, crate::Event)]
#[event(prefix = "Test")]
enum Noted {
    Noted {},
}

#[derive(Debug)]
struct Notes;

impl Projector for Notes {
    const NAME: &'static str = "notes";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["test"];
    type Event = Noted;
    type View = String;

    fn project(
        &self,
        _: &str,
        view: &mut Option<String>,
        _: &Recorded<'_, Noted>,
    ) -> Result<(), BoxError> {
        *view = Some("x".repeat(LARGE / 100));
        Ok(())
    }
}

const LARGE: usize = 1_000_000;

#[tokio::test]
async fn a_large_document_that_was_stored_is_not_estimated_by_small_ones() {
    let store = Arc::new(MemoryStore::new());
    let schema = ViewSchema::of::<Notes>().unwrap();
    store.prepare(&schema).await.unwrap();
    let keys: Vec<String> = (0..5_000).map(|n| n.to_string()).collect();
    let change = |key: &String| ViewChange {
        view: schema.name.clone(),
        key: key.clone(),
        replaces: Replaces::Anything,
        document: Some(format!("{:?}", "x".repeat(if key == "77" { LARGE } else { 10 }))),
    };
    let progress = Progress::new(ConsumerId::new("notes").unwrap(), None);
    store.write(keys.iter().map(change).collect(), progress).await.unwrap();

    let mut documents = Documents::new(Arc::new(Notes), store, schema.name);
    documents.load(&keys).await.unwrap();
    let loaded = documents.bytes();
    documents.measure();
    assert!(documents.bytes() > LARGE, "{} of {loaded}", documents.bytes());
    assert!(documents.bytes().abs_diff(loaded) < LARGE / 10, "{} of {loaded}", documents.bytes());
}

#[tokio::test]
async fn a_new_document_may_be_larger_than_its_event() {
    let store = Arc::new(MemoryStore::new());
    let events = EncodedEvents::encode(&[Noted::Noted {}], Codec::Json, Compression::None, 0);
    let (now, metadata) = (Timestamp::UNIX_EPOCH, EncodedMetadata::default());
    let id = CommitId::generate(now, &SystemEntropy);
    let commit = NewCommit::new(id, now, metadata, events.unwrap());
    let stream = StreamId::new("test", "t").unwrap();
    let commit = store.append(&stream, Expected::Any, commit).await.unwrap().commit;
    let event = Recorded::new(Noted::Noted {}, &commit, Version::FIRST);

    let name = ViewSchema::of::<Notes>().unwrap().name;
    let mut documents = Documents::new(Arc::new(Notes), store, name);
    for n in 0..100 {
        documents.fold(n.to_string(), &event, 10).unwrap();
    }
    assert!(documents.bytes() > LARGE, "{}", documents.bytes());
}
