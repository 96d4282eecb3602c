//! What a step says of one stream.

use std::collections::BTreeMap;

use es_core::{DeadLetterChange, Progress, Result, StreamId, StreamProgress, Version};

/// All that a step says of one stream: its item can be written once.
#[derive(Debug)]
pub(super) struct TouchedStream<'a> {
    pub(super) stream: &'a StreamId,
    pub(super) seen: Option<StreamProgress>,
    pub(super) reached: Option<Version>,
    pub(super) changes: Vec<&'a DeadLetterChange>,
}

impl<'a> TouchedStream<'a> {
    /// The streams of a step, in their order.
    ///
    /// # Errors
    ///
    /// [`Error::Fenced`](es_core::Error::Fenced) when a stream was seen at two places.
    pub(super) fn all(progress: &'a Progress) -> Result<Vec<Self>> {
        let mut streams = BTreeMap::new();
        for (stream, seen) in &progress.seen {
            let touched = Self::of(&mut streams, stream);
            if touched.seen.is_some_and(|known| known != *seen) {
                return Err(progress.fenced());
            }
            touched.seen = Some(*seen);
        }
        for (stream, reached) in &progress.streams {
            let touched = Self::of(&mut streams, stream);
            touched.reached = touched.reached.max(Some(*reached));
        }
        for change in &progress.dead_letters {
            Self::of(&mut streams, stream_of(change)).changes.push(change);
        }
        Ok(streams.into_values().collect())
    }

    fn of<'m>(streams: &'m mut BTreeMap<&'a StreamId, Self>, stream: &'a StreamId) -> &'m mut Self {
        streams.entry(stream).or_insert(Self {
            stream,
            seen: None,
            reached: None,
            changes: Vec::new(),
        })
    }

    /// Whether its state must be read before anything can be said about it. What was seen can be left to
    /// the conditions of the step.
    pub(super) fn must_be_read(&self) -> bool {
        self.seen.is_none() || !self.changes.is_empty()
    }

    /// Where the stream is after the step, if that is further than `version`.
    pub(super) fn moved_from(&self, version: Version) -> Option<Version> {
        self.reached.filter(|&reached| reached > version)
    }
}

fn stream_of(change: &DeadLetterChange) -> &StreamId {
    match change {
        DeadLetterChange::Park(letter) => letter.commit.stream(),
        DeadLetterChange::Remove { stream, .. } | DeadLetterChange::Drop { stream, .. } => stream,
    }
}
