//! A domain whose commits are of any number of events and of any size.
#![allow(dead_code, reason = "each test file uses a part")]

use es_core::{
    Aggregate, Codec, Command, CommitId, Compression, EncodedEvents, Event, NewCommit, Snapshot,
    StreamId, SystemEntropy, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Remembers how much was noted, so that its snapshots are small.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Notes {
    pub(crate) count: u64,
}

/// Notes so many texts, each so long that its event has about that many bytes.
#[derive(Debug, Clone, Command)]
pub(crate) struct Note {
    pub(crate) texts: usize,
    pub(crate) bytes: usize,
}

#[derive(Debug, Clone, Event)]
#[event(prefix = "Notes")]
pub(crate) enum NotesEvent {
    Noted { text: String },
}

#[derive(Debug, thiserror::Error)]
#[error("there is nothing to say against a note")]
pub(crate) struct Refused;

impl Aggregate for Notes {
    const CATEGORY: &'static str = "notes";
    type Command = Note;
    type Event = NotesEvent;
    type Error = Refused;

    fn handle(&self, Note { texts, bytes }: Note) -> Result<Vec<NotesEvent>, Refused> {
        let text = "x".repeat(bytes - r#"{"text":""}"#.len());
        Ok(vec![NotesEvent::Noted { text }; texts])
    }

    fn apply(&mut self, NotesEvent::Noted { .. }: NotesEvent) {
        self.count += 1;
    }
}

impl Snapshot for Notes {
    const SCHEMA_VERSION: u32 = 1;
}

pub(crate) fn stream() -> StreamId {
    StreamId::new("notes", "n-1").expect("a valid id")
}

pub(crate) fn new_commit(note: Note) -> NewCommit {
    let events = Notes::default().handle(note).expect("a note");
    let events = EncodedEvents::encode(&events, Codec::Json, Compression::None, 0);
    let id = CommitId::generate(Timestamp::now(), &SystemEntropy);
    NewCommit::new(id, Timestamp::now(), Default::default(), events.expect("JSON"))
}
