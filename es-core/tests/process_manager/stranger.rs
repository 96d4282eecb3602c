//! Something that is no errand, among the errands: a process that cannot be read.

use es_core::{
    Codec, CommitId, Compression, EncodedEvents, Event, EventStore as _, Expected, NewCommit,
    StreamId, Timestamp,
};

use crate::stage::Stage;

#[derive(Debug, Event)]
#[event(prefix = "Stranger")]
enum StrangerEvent {
    Intruded,
}

/// Puts an event into the stream of the errand `id` that no errand knows.
pub(crate) async fn intrude(stage: &Stage, id: &str) {
    let events = [StrangerEvent::Intruded];
    let events = EncodedEvents::encode(&events, Codec::Json, Compression::None, 0).unwrap();
    let stream = StreamId::new("errand", id).unwrap();
    let commit_id = CommitId::derive(&stream, "intruded");
    let commit = NewCommit::new(commit_id, Timestamp::UNIX_EPOCH, Default::default(), events);
    stage.store.append(&stream, Expected::Any, commit).await.unwrap();
}
