//! What damaged storage gives back.

use bytes::Bytes;

use crate::commit::{Commit, NewCommit};
use crate::encoded_events::EncodedEvents;
use crate::error::{Error, Result};

use super::Fault;
use super::request::Request;

/// The page, or the error of a store that finds one of its commits damaged.
pub(super) fn page(mut page: Vec<Commit>, request: &Request<'_>) -> Result<Vec<Commit>> {
    if page.is_empty() {
        return Ok(page);
    }
    let index = request.index(page.len());
    let commit = &mut page[index];
    if request.meets(Fault::CorruptBytes) {
        return Err(noticed(commit));
    }
    if request.meets(Fault::DamagedBytes) {
        *commit = unnoticed(commit, request.random())?;
    }
    Ok(page)
}

/// What a store says that keeps checksums.
pub(super) fn noticed(commit: &Commit) -> Error {
    commit.corrupt("its bytes are not what was written (injected)")
}

/// The commit with one bit of its payloads flipped, or the error of a store to which they then make
/// no sense.
fn unnoticed(commit: &Commit, random: u64) -> Result<Commit> {
    let events = commit.events();
    let payloads = flipped(events.payloads(), random).ok_or_else(|| noticed(commit))?;
    let events = EncodedEvents::from_stored(events.encoding(), events.manifest().clone(), payloads)
        .map_err(|error| commit.corrupt(error.to_string()))?;
    let damaged = NewCommit {
        id: commit.id(),
        recorded_at: commit.recorded_at(),
        metadata: commit.encoded_metadata().clone(),
        events,
    };
    Ok(damaged.place(commit.stream().clone(), commit.first_version()))
}

/// The bytes with one bit flipped; `None` when there are none. Text stays text more often than not, so
/// that damage gets past the checks for UTF-8.
pub(super) fn flipped(bytes: &[u8], random: u64) -> Option<Bytes> {
    /// Flipping one of these keeps an ASCII character one.
    const BITS: u64 = 7;
    let mut bytes = bytes.to_vec();
    let index = (random / BITS).checked_rem(bytes.len() as u64)?;
    bytes[index as usize] ^= 1 << (random % BITS);
    Some(bytes.into())
}
