//! Appending: one conditional write, whose refusal brings along what is in the way.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use es_core::{
    Appended, Backoff, Commit, CommitIdReused, Conflict, Error, EventStore as _, Expected, Head,
    NewCommit, Result, StreamId, Version,
};

use super::commit_item::{self, Content, Encoded, IdOrder};
use super::id_search::Begin;
use super::markers;
use crate::item::Item;
use crate::options::Heads;
use crate::store::DynamoStore;

/// The condition of every write to the log: there is no item with this key.
const IS_NEW: &str = "attribute_not_exists(pk)";

/// How often an append that may be anywhere goes for the end of a stream.
const ATTEMPTS_ANYWHERE: u32 = 100;

/// Between those attempts.
const BACKOFF: Backoff =
    Backoff { base: Duration::from_millis(5), max: Duration::from_millis(200) };

/// What became of a write.
enum Written {
    Appended(Commit),
    /// The commit id is in the stream already: this commit has it.
    Repeated(Commit),
    /// Another commit begins there. It is at hand if its item has all of it.
    Taken {
        head: Head,
        winner: Option<Commit>,
    },
}

impl DynamoStore {
    pub(super) async fn append_commit(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        self.limits().check(stream, &commit)?;
        // The commit returned now must equal the one that is read later.
        let commit = NewCommit::new(commit.id, commit.recorded_at, commit.metadata, commit.events);
        match (expected, self.options().heads) {
            (Expected::NoStream, Heads::Trusted) => {
                self.append_behind(stream, expected, None, commit).await
            }
            (Expected::Head(head), Heads::Trusted) => {
                self.append_behind(stream, expected, Some(head), commit).await
            }
            (Expected::NoStream | Expected::Head(_) | Expected::Any, _) => {
                self.append_at_the_end(stream, expected, commit).await
            }
            // A kind of expectation that is newer than this crate.
            _ => Err(Error::Misuse(format!("{expected:?} is not known to es-dynamodb"))),
        }
    }

    /// Appends behind a head that is known to be one.
    async fn append_behind(
        &self,
        stream: &StreamId,
        expected: Expected,
        head: Option<Head>,
        commit: NewCommit,
    ) -> Result<Appended> {
        let mut order = IdOrder::Ascending;
        if let Some(head) = head
            && self.may_be_before(&commit, head)
        {
            let begin = Begin::At(head.commit_start());
            let seen = self.look_back(stream, commit.id, begin).await?;
            if let Some(original) = seen.found {
                return repeated(original, &commit);
            }
            order = seen.order;
        }
        match self.write(stream, head, &commit, order).await? {
            Written::Appended(commit) => Ok(Appended { commit, duplicate: false }),
            Written::Repeated(original) => repeated(original, &commit),
            Written::Taken { head, winner } => Err(conflict(stream, expected, Some(head), winner)),
        }
    }

    /// Appends at the end of the stream as it is seen now, if that is as expected.
    async fn append_at_the_end(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        for attempt in 0..ATTEMPTS_ANYWHERE {
            if attempt > 1 {
                let options = self.options();
                options.clock.sleep(BACKOFF.delay(attempt - 1, &*options.entropy)).await;
            }
            let seen = self.look_back(stream, commit.id, Begin::AtTheEnd).await?;
            if let Some(original) = seen.found {
                return repeated(original, &commit);
            }
            if expected != Expected::Any && expected != Expected::end(seen.end) {
                if !commit.id.is_generated()
                    && let Some(original) = self.find_marked(stream, commit.id).await?
                {
                    return repeated(original, &commit);
                }
                return Err(conflict(stream, expected, seen.end, None));
            }
            match self.write(stream, seen.end, &commit, seen.order).await? {
                Written::Appended(commit) => return Ok(Appended { commit, duplicate: false }),
                Written::Repeated(original) => return repeated(original, &commit),
                // Another writer was faster.
                Written::Taken { .. } if expected == Expected::Any => {}
                Written::Taken { head, winner } => {
                    return Err(conflict(stream, expected, Some(head), winner));
                }
            }
        }
        Err(Error::Unavailable {
            what: format!("the end of {stream}"),
            source: format!("other writers were faster {ATTEMPTS_ANYWHERE} times").into(),
        })
    }

    /// Writes a commit behind `head`, unless there is one.
    async fn write(
        &self,
        stream: &StreamId,
        head: Option<Head>,
        commit: &NewCommit,
        order: IdOrder,
    ) -> Result<Written> {
        let first_version = head.map_or(Version::FIRST, |head| head.version().next());
        // Before it is there: it may be read before the answer arrives.
        self.out_of_order_ids().note(commit.id, order);
        let commit = commit.clone().place(stream.clone(), first_version);
        let Encoded { item, pieces } = commit_item::encode(&commit, order);
        self.write_pieces(stream, pieces).await?;
        if commit.id().is_generated() {
            self.put(commit, item).await
        } else {
            self.put_with_marker(commit, item).await
        }
    }

    async fn put(&self, commit: Commit, item: Item) -> Result<Written> {
        let request = self
            .dynamodb()
            .put_item()
            .table_name(&self.tables().events)
            .set_item(Some(item))
            .condition_expression(IS_NEW)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.past_transactions(|| request.clone().send()).await {
            Ok(_) => Ok(Written::Appended(commit)),
            Err(error) => match in_the_way(&error) {
                Some(item) => self.taken(&commit, item).await,
                None => Err(self.not_appended(&commit, error)),
            },
        }
    }

    async fn put_with_marker(&self, commit: Commit, item: Item) -> Result<Written> {
        let new = |item: Item| -> Result<TransactWriteItem> {
            let put = Put::builder()
                .table_name(&self.tables().events)
                .set_item(Some(item))
                .condition_expression(IS_NEW)
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                )
                .build()
                .map_err(|error| {
                    self.not_appended(
                        &commit,
                        SdkError::<TransactWriteItemsError>::construction_failure(error),
                    )
                })?;
            Ok(TransactWriteItem::builder().put(put).build())
        };
        let request = self
            .dynamodb()
            .transact_write_items()
            .transact_items(new(item)?)
            .transact_items(new(markers::marker_of(&commit))?);
        let error = match self.past_transactions(|| request.clone().send()).await {
            Ok(_) => return Ok(Written::Appended(commit)),
            Err(error) => error,
        };
        let [item, marker] = both_in_the_way(&error);
        match (item, marker) {
            (Some(item), None) => self.taken(&commit, item).await,
            (_, Some(marker)) => {
                let version = markers::place_in(commit.stream(), marker)?;
                let original = self.marked_commit(commit.stream(), commit.id(), version).await?;
                Ok(Written::Repeated(original))
            }
            (None, None) => Err(self.not_appended(&commit, error)),
        }
    }

    /// What the item says that `commit` met in its place.
    async fn taken(&self, commit: &Commit, item: Item) -> Result<Written> {
        let item = self.read_commit_item(commit.stream(), item)?;
        if item.header.id == commit.id() {
            return Ok(Written::Repeated(self.complete(item).await?));
        }
        let head = item.header.head();
        let winner = match item.content {
            Content::Here(_) => Some(self.complete(item).await?),
            Content::InPieces(_) => None,
        };
        Ok(Written::Taken { head, winner })
    }

    /// Whether the stream that ends at `head` may have the commit's id, or a greater one, as far as ids
    /// tell.
    fn may_be_before(&self, commit: &NewCommit, head: Head) -> bool {
        let ascending = head.commit_id().is_generated()
            && head.commit_id() < commit.id
            && !self.out_of_order_ids().may_have(head);
        commit.id.is_generated() && !ascending
    }

    fn not_appended<E, R>(&self, commit: &Commit, error: SdkError<E, R>) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let what = format!("appending to {}", commit.stream());
        self.failed(&what, &self.tables().events, error)
    }
}

/// The answer to a commit whose id is in the stream already.
fn repeated(original: Commit, commit: &NewCommit) -> Result<Appended> {
    if *original.events() == commit.events {
        return Ok(Appended { commit: original, duplicate: true });
    }
    let reused = CommitIdReused { commit_id: commit.id, original };
    Err(Error::CommitIdReused(Box::new(reused)))
}

fn conflict(
    stream: &StreamId,
    expected: Expected,
    actual: Option<Head>,
    winner: Option<Commit>,
) -> Error {
    Conflict { stream: stream.clone(), expected, actual, winner }.into()
}

/// The item that a write met, if its condition failed.
fn in_the_way<R>(error: &SdkError<PutItemError, R>) -> Option<Item> {
    match error.as_service_error()? {
        PutItemError::ConditionalCheckFailedException(failed) => failed.item.clone(),
        _ => None,
    }
}

/// The items that the two writes of a transaction met.
fn both_in_the_way<R>(error: &SdkError<TransactWriteItemsError, R>) -> [Option<Item>; 2] {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return [None, None];
    };
    let item = |n: usize| cancelled.cancellation_reasons().get(n)?.item.clone();
    [item(0), item(1)]
}
