//! Logs that are broken in one way each.

use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::conformance::event_store::SUITE;
use es_core::{
    Appended, Commit, CommitId, Direction, EncodedEvents, Error, EventStore, Expected, Limits,
    NewCommit, Page, ReadStream, Result, StreamId, SystemEntropy, Timestamp,
};
use futures::FutureExt as _;
use futures::stream::{BoxStream, StreamExt as _};

use crate::{Window, assert_breaks, assert_keeps};

/// A log with a fault; whatever the fault does not touch is the memory store's.
#[derive(Debug)]
struct Log<F> {
    inner: MemoryStore,
    fault: F,
}

#[async_trait]
trait Fault: Debug + Send + Sync + 'static {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        log.append(stream, expected, commit).await
    }

    fn read<'a>(&'a self, log: &'a MemoryStore, query: ReadStream) -> BoxStream<'a, Result<Page>> {
        EventStore::read(log, query)
    }

    fn limits(&self, log: &MemoryStore) -> Limits {
        log.limits()
    }
}

#[async_trait]
impl<F: Fault> EventStore for Log<F> {
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        self.fault.append(&self.inner, stream, expected, commit).await
    }

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Page>> {
        self.fault.read(&self.inner, query)
    }

    fn limits(&self) -> Limits {
        self.fault.limits(&self.inner)
    }
}

fn log<F: Fault + Clone>(fault: F) -> impl Fn() -> Log<F> {
    move || Log { inner: MemoryStore::new(), fault: fault.clone() }
}

/// The pages of a read, each changed.
fn changed<'a>(
    log: &'a MemoryStore,
    query: ReadStream,
    change: impl Fn(Vec<Commit>) -> Vec<Commit> + Send + 'a,
) -> BoxStream<'a, Result<Page>> {
    let changed = move |page: Page| change(page.into_vec()).into();
    EventStore::read(log, query).map(move |page| page.map(&changed)).boxed()
}

fn new_id() -> CommitId {
    CommitId::generate(Timestamp::now(), &SystemEntropy)
}

#[derive(Debug, Clone)]
struct Sound;

impl Fault for Sound {}

#[tokio::test]
async fn a_log_without_a_fault_keeps_all_rules() {
    let failures = SUITE.failures(|| async { log(Sound)() }).await;
    assert_eq!(failures, []);
}

/// Appends wherever the stream ends, whatever is expected.
#[derive(Debug, Clone)]
struct NoHeadCheck;

#[async_trait]
impl Fault for NoHeadCheck {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        _: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        log.append(stream, Expected::Any, commit).await
    }
}

#[tokio::test]
async fn a_lost_head_check_is_found() {
    let rules = [
        ("a_stream_that_exists_is_not_new", "a second first commit: no conflict, but appended"),
        ("a_head_conflicts_when_the_stream_does_not_exist", "does not exist: no conflict"),
        ("a_head_that_is_behind_conflicts", "no conflict"),
        ("a_head_past_the_end_conflicts", "past the end at 3: no conflict"),
        ("a_version_inside_a_commit_is_not_a_head", "inside the commit of 2 to 6: no conflict"),
        ("a_head_of_another_stream_conflicts", "of another stream that is as long: no conflict"),
        ("of_concurrent_appends_from_one_head_exactly_one_wins", "8 won"),
        ("of_concurrent_first_appends_exactly_one_wins", "8 won"),
        ("a_random_history_is_as_in_a_model", "no conflict"),
    ];
    assert_breaks(&SUITE, log(NoHeadCheck), &rules).await;
    let rules =
        ["a_lost_acknowledgement_is_not_a_conflict", "any_appends_wherever_the_stream_ends"];
    assert_keeps(&SUITE, log(NoHeadCheck), &rules).await;
}

#[tokio::test]
async fn one_call_of_a_suite_panics_with_the_broken_rules() {
    let suite = es_core::testing::conformance::event_store(|| async { log(NoHeadCheck)() });
    let panic = AssertUnwindSafe(suite).catch_unwind().await.expect_err("a broken store passed");
    let message = panic.downcast_ref::<String>().expect("a message");
    assert!(message.contains("rules of event_store are broken"), "{message}");
    assert!(message.contains("- a_head_that_is_behind_conflicts: 1 events behind 1"), "{message}");
    assert!(!message.contains("a_missing_stream_has_no_page"), "{message}");
}

/// Looks first and appends then: two can look before one of them appends.
#[derive(Debug, Clone, Default)]
struct ChecksBeforeAppending(Arc<Window>);

#[async_trait]
impl Fault for ChecksBeforeAppending {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let head = log.head(stream).await?;
        self.0.pass();
        self.0.stay().await;
        let met = expected == Expected::end(head);
        log.append(stream, if met { Expected::Any } else { expected }, commit).await
    }
}

#[tokio::test]
async fn a_check_that_is_not_part_of_the_append_is_found() {
    let rules = [
        ("of_concurrent_appends_from_one_head_exactly_one_wins", "appends from one head"),
        ("of_concurrent_first_appends_exactly_one_wins", "appends from one head"),
    ];
    assert_breaks(&SUITE, log(ChecksBeforeAppending::default()), &rules).await;
    let rules = ["a_head_that_is_behind_conflicts", "a_stream_that_exists_is_not_new"];
    assert_keeps(&SUITE, log(ChecksBeforeAppending::default()), &rules).await;
}

/// Makes `Any` an expectation of its own, which loses races.
#[derive(Debug, Clone, Default)]
struct AnyReadsTheHead(Arc<Window>);

#[async_trait]
impl Fault for AnyReadsTheHead {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let head = log.head(stream).await?;
        self.0.pass();
        self.0.stay().await;
        let any = expected == Expected::Any;
        log.append(stream, if any { Expected::end(head) } else { expected }, commit).await
    }
}

#[tokio::test]
async fn an_append_anywhere_that_conflicts_is_found() {
    let rules = [("concurrent_appends_anywhere_are_all_kept", "Any, was refused")];
    assert_breaks(&SUITE, log(AnyReadsTheHead::default()), &rules).await;
}

/// Takes any position of the last commit for the end of the stream.
#[derive(Debug, Clone)]
struct HeadInsideACommit;

#[async_trait]
impl Fault for HeadInsideACommit {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let inside = match (expected, log.head(stream).await?) {
            (Expected::Head(head), Some(end)) => {
                (end.commit_start()..end.version()).contains(&head.version())
            }
            _ => false,
        };
        log.append(stream, if inside { Expected::Any } else { expected }, commit).await
    }
}

#[tokio::test]
async fn a_version_inside_a_commit_taken_for_a_head_is_found() {
    let rules = [("a_version_inside_a_commit_is_not_a_head", "a head at 2, inside the commit")];
    assert_breaks(&SUITE, log(HeadInsideACommit), &rules).await;
    let rules = ["a_head_that_is_behind_conflicts", "a_head_past_the_end_conflicts"];
    assert_keeps(&SUITE, log(HeadInsideACommit), &rules).await;
}

/// Compares versions only: a head is no proof of anything.
#[derive(Debug, Clone)]
struct HeadIsANumber;

#[async_trait]
impl Fault for HeadIsANumber {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let end = log.head(stream).await?;
        let met = matches!(expected, Expected::Head(head) if Some(head.version()) == end.map(|end| end.version()));
        log.append(stream, if met { Expected::Any } else { expected }, commit).await
    }
}

#[tokio::test]
async fn a_head_that_is_only_a_number_is_found() {
    let rules = [("a_head_of_another_stream_conflicts", "the head at 4 of another stream")];
    assert_breaks(&SUITE, log(HeadIsANumber), &rules).await;
}

/// Writes a commit id as often as it comes.
#[derive(Debug, Clone)]
struct ForgetsCommitIds;

#[async_trait]
impl Fault for ForgetsCommitIds {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        if log.find(stream, commit.id).await?.is_some() {
            let again = NewCommit { id: new_id(), ..commit };
            return log.append(stream, expected, again).await;
        }
        log.append(stream, expected, commit).await
    }
}

#[tokio::test]
async fn a_commit_id_that_is_appended_twice_is_found() {
    let rules = [
        ("a_lost_acknowledgement_is_not_a_conflict", "a repeated append, NoStream, was refused"),
        ("a_repeated_append_is_recognised_after_others_appended", "was refused"),
        ("a_repeated_append_writes_nothing", "a repeated append, Any, was taken for a new one"),
        ("a_commit_id_with_other_events_is_refused", "a used commit id"),
        ("an_old_commit_is_recognised_in_a_long_stream", "was refused"),
    ];
    assert_breaks(&SUITE, log(ForgetsCommitIds), &rules).await;
}

/// Recognises a commit id only in the last commit, as a conditional put on the next place does.
#[derive(Debug, Clone)]
struct RemembersTheLastCommitId;

#[async_trait]
impl Fault for RemembersTheLastCommitId {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let last = log.head(stream).await?.map(|head| head.commit_id());
        if last != Some(commit.id) && log.find(stream, commit.id).await?.is_some() {
            let again = NewCommit { id: new_id(), ..commit };
            return log.append(stream, expected, again).await;
        }
        log.append(stream, expected, commit).await
    }
}

#[tokio::test]
async fn a_commit_id_that_is_forgotten_after_others_is_found() {
    let rules = [
        ("a_repeated_append_is_recognised_after_others_appended", "was refused"),
        ("a_repeated_append_is_recognised_whatever_it_expects", "a repeated append"),
    ];
    assert_breaks(&SUITE, log(RemembersTheLastCommitId), &rules).await;
    let rules = ["a_lost_acknowledgement_is_not_a_conflict", "a_conflict_writes_nothing"];
    assert_keeps(&SUITE, log(RemembersTheLastCommitId), &rules).await;
}

/// Answers a repetition with what was sent, not with what is stored.
#[derive(Debug, Clone)]
struct EchoesRepetitions;

#[async_trait]
impl Fault for EchoesRepetitions {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let Appended { commit: stored, duplicate } =
            log.append(stream, expected, commit.clone()).await?;
        Ok(Appended { commit: commit.place(stream.clone(), stored.first_version()), duplicate })
    }
}

#[tokio::test]
async fn a_repetition_that_is_not_answered_with_the_original_is_found() {
    let rules = [("a_repeated_append_returns_the_original", "a repeated append, NoStream")];
    assert_breaks(&SUITE, log(EchoesRepetitions), &rules).await;
    let rules = ["a_lost_acknowledgement_is_not_a_conflict"];
    assert_keeps(&SUITE, log(EchoesRepetitions), &rules).await;
}

/// Takes other events under a used id for a repetition.
#[derive(Debug, Clone)]
struct IdIsAllThatCounts;

#[async_trait]
impl Fault for IdIsAllThatCounts {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        match log.append(stream, expected, commit).await {
            Err(Error::CommitIdReused(reused)) => {
                Ok(Appended { commit: reused.original, duplicate: true })
            }
            outcome => outcome,
        }
    }
}

#[tokio::test]
async fn a_reused_commit_id_that_passes_for_a_repetition_is_found() {
    let rules = [
        ("a_commit_id_with_other_events_is_refused", "a used commit id with another payload"),
        ("a_random_history_is_as_in_a_model", "other events were taken"),
    ];
    assert_breaks(&SUITE, log(IdIsAllThatCounts), &rules).await;
}

/// Keeps what it refuses.
#[derive(Debug, Clone)]
struct WritesOnConflict;

#[async_trait]
impl Fault for WritesOnConflict {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let outcome = log.append(stream, expected, commit.clone()).await;
        if let Err(Error::Conflict(_)) = &outcome {
            log.append(stream, Expected::Any, commit).await?;
        }
        outcome
    }
}

#[tokio::test]
async fn a_refused_commit_that_is_written_is_found() {
    let rules = [
        ("a_conflict_writes_nothing", "the refused commit is there"),
        ("a_head_conflicts_when_the_stream_does_not_exist", "does not exist has no end"),
        ("a_refused_commit_can_be_appended_elsewhere_or_later", "taken for a repeated one"),
    ];
    assert_breaks(&SUITE, log(WritesOnConflict), &rules).await;
}

/// Says of a conflict only that it is one.
#[derive(Debug, Clone)]
struct SilentConflicts;

#[async_trait]
impl Fault for SilentConflicts {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        match log.append(stream, expected, commit).await {
            Err(Error::Conflict(mut conflict)) => {
                conflict.actual = None;
                Err(Error::Conflict(conflict))
            }
            outcome => outcome,
        }
    }
}

#[tokio::test]
async fn a_conflict_that_does_not_say_where_the_stream_is_is_found() {
    let rules = [
        ("a_conflict_says_where_the_stream_is", "the end"),
        ("the_losers_of_a_race_go_on_from_the_conflict", "conflicts with what its conflicts tell"),
    ];
    assert_breaks(&SUITE, log(SilentConflicts), &rules).await;
}

/// Stores a commit's events one by one.
#[derive(Debug, Clone)]
struct SplitsCommits;

#[async_trait]
impl Fault for SplitsCommits {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let Some(payloads) = commit.events.payloads_text().filter(|_| commit.events.len() > 1)
        else {
            return log.append(stream, expected, commit).await;
        };
        let mut expected = expected;
        let mut first = None;
        for (entry, payload) in commit.events.manifest().lines().zip(payloads.lines()) {
            let events = EncodedEvents::from_stored_json(entry.into(), payload.into());
            let events = events.expect("one event of a commit");
            let id = first.map_or(commit.id, |_| new_id());
            let one = NewCommit { id, events, ..commit.clone() };
            let head = log.append(stream, expected, one).await?.commit.head();
            first.get_or_insert(head.version());
            expected = Expected::Head(head);
        }
        let first = first.expect("a commit has events");
        Ok(Appended { commit: commit.place(stream.clone(), first), duplicate: false })
    }
}

#[tokio::test]
async fn a_commit_that_is_stored_in_parts_is_found() {
    let rules = [
        ("a_commit_begins_behind_the_one_before", "was refused"),
        ("any_appends_wherever_the_stream_ends", "was refused"),
        ("a_reader_beside_writers_sees_whole_commits_in_order", "a read beside a writer"),
    ];
    assert_breaks(&SUITE, log(SplitsCommits), &rules).await;
    assert_keeps(&SUITE, log(SplitsCommits), &["a_stream_of_many_commits_is_read_whole"]).await;
}

/// Says limits and does not keep them.
#[derive(Debug, Clone)]
struct NoLimits;

impl Fault for NoLimits {
    fn limits(&self, _: &MemoryStore) -> Limits {
        Limits { max_events: 100, max_bytes: 100_000 }
    }
}

#[tokio::test]
async fn a_limit_that_is_not_kept_is_found() {
    let rules = [
        ("a_commit_of_one_event_too_many_is_refused", "101 over the limit of 100 was taken"),
        ("a_commit_of_one_byte_too_many_is_refused", "100001 over the limit of 100000 was taken"),
    ];
    assert_breaks(&SUITE, log(NoLimits), &rules).await;
    let rules = ["a_commit_of_as_many_bytes_as_the_limit_is_taken"];
    assert_keeps(&SUITE, log(NoLimits), &rules).await;
}

/// Reads one page, as a client does that does not ask whether there is more.
#[derive(Debug, Clone)]
struct ReadsOnePage;

impl Fault for ReadsOnePage {
    fn read<'a>(&'a self, log: &'a MemoryStore, query: ReadStream) -> BoxStream<'a, Result<Page>> {
        EventStore::read(log, query).take(1).boxed()
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_after_a_page_is_found() {
    let rules = [
        ("a_stream_of_many_commits_is_read_whole", "a read forwards: 16 commits, expected 1101"),
        ("a_stream_of_many_bytes_is_read_whole_and_in_pages", "expected 128"),
        ("every_page_size_gives_the_same_commits", "forwards by 1: 1 commits, expected 11"),
    ];
    assert_breaks(&SUITE, log(ReadsOnePage), &rules).await;
    assert_keeps(&SUITE, log(ReadsOnePage), &["an_appended_commit_is_read_at_once"]).await;
}

/// Gives commits as they lie, not as they were appended.
#[derive(Debug, Clone)]
struct ReordersCommits;

impl Fault for ReordersCommits {
    fn read<'a>(&'a self, log: &'a MemoryStore, query: ReadStream) -> BoxStream<'a, Result<Page>> {
        changed(log, query, |mut page| {
            let last = page.len().saturating_sub(1);
            page.swap(last.saturating_sub(1), last);
            page
        })
    }
}

#[tokio::test]
async fn commits_out_of_order_are_found() {
    let rules = [
        ("a_commit_begins_behind_the_one_before", "the first difference is at 7"),
        ("a_reader_beside_writers_sees_whole_commits_in_order", "the first difference"),
    ];
    assert_breaks(&SUITE, log(ReordersCommits), &rules).await;
    assert_keeps(&SUITE, log(ReordersCommits), &["the_first_commit_begins_at_version_one"]).await;
}

/// Orders versions as texts: 10 comes before 2.
#[derive(Debug, Clone)]
struct SortsVersionsAsText;

impl Fault for SortsVersionsAsText {
    fn read<'a>(&'a self, log: &'a MemoryStore, query: ReadStream) -> BoxStream<'a, Result<Page>> {
        let backwards = query.direction == Direction::Backwards;
        changed(log, query, move |mut page| {
            page.sort_by_key(|commit| commit.first_version().to_string());
            if backwards {
                page.reverse();
            }
            page
        })
    }
}

#[tokio::test]
async fn versions_sorted_as_text_are_found() {
    let rules = [("a_commit_begins_behind_the_one_before", "the first difference is at 1")];
    assert_breaks(&SUITE, log(SortsVersionsAsText), &rules).await;
}

/// Reads backwards from the end, wherever it was asked to begin.
#[derive(Debug, Clone)]
struct BackwardsFromTheEnd;

impl Fault for BackwardsFromTheEnd {
    fn read<'a>(
        &'a self,
        log: &'a MemoryStore,
        mut query: ReadStream,
    ) -> BoxStream<'a, Result<Page>> {
        if query.direction == Direction::Backwards {
            query.from = None;
        }
        EventStore::read(log, query)
    }
}

#[tokio::test]
async fn a_backwards_read_that_ignores_its_beginning_is_found() {
    let rule = "a_read_begins_with_the_commit_that_contains_the_version";
    let rules = [(rule, "backwards from 1"), ("a_random_history_is_as_in_a_model", "Backwards")];
    assert_breaks(&SUITE, log(BackwardsFromTheEnd), &rules).await;
    let rules = ["every_page_size_gives_the_same_commits"];
    assert_keeps(&SUITE, log(BackwardsFromTheEnd), &rules).await;
}

/// Begins at the first commit that starts at the version or later.
#[derive(Debug, Clone)]
struct SkipsTheCommitAroundTheVersion;

impl Fault for SkipsTheCommitAroundTheVersion {
    fn read<'a>(&'a self, log: &'a MemoryStore, query: ReadStream) -> BoxStream<'a, Result<Page>> {
        let from = query.from.filter(|_| query.direction == Direction::Forwards);
        let begun = move |commit: &Commit| from.is_none_or(|from| commit.first_version() >= from);
        let pages = changed(log, query, move |page| page.into_iter().filter(begun).collect());
        let kept = pages.filter(|page| {
            let empty = matches!(page, Ok(page) if page.is_empty());
            std::future::ready(!empty)
        });
        kept.boxed()
    }
}

#[tokio::test]
async fn a_read_that_begins_behind_the_version_is_found() {
    let rule = "a_read_begins_with_the_commit_that_contains_the_version";
    let rules = [(rule, "forwards from 3: 3 commits, expected 4")];
    assert_breaks(&SUITE, log(SkipsTheCommitAroundTheVersion), &rules).await;
}

/// Ends every read with an empty page.
#[derive(Debug, Clone)]
struct EmptyPages;

impl Fault for EmptyPages {
    fn read<'a>(&'a self, log: &'a MemoryStore, query: ReadStream) -> BoxStream<'a, Result<Page>> {
        let end = futures::stream::iter([Ok(Page::default())]);
        EventStore::read(log, query).chain(end).boxed()
    }
}

#[tokio::test]
async fn an_empty_page_is_found() {
    let rules = [("a_missing_stream_has_no_page", "a page is empty")];
    assert_breaks(&SUITE, log(EmptyPages), &rules).await;
}

/// Keys streams without regard to case.
#[derive(Debug, Clone)]
struct FoldsCase;

#[async_trait]
impl Fault for FoldsCase {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let folded = StreamId::new(&stream.category().to_lowercase(), &stream.id().to_lowercase())?;
        let appended = log.append(&folded, expected, commit.clone()).await?;
        let commit = commit.place(stream.clone(), appended.commit.first_version());
        Ok(Appended { commit, ..appended })
    }
}

#[tokio::test]
async fn streams_that_run_into_each_other_are_found() {
    let rules = [
        ("streams_with_hostile_ids_are_kept_apart", "an append to conformance:A"),
        ("categories_are_kept_apart", "an append to A:b"),
    ];
    assert_breaks(&SUITE, log(FoldsCase), &rules).await;
    assert_keeps(&SUITE, log(FoldsCase), &["a_commit_begins_behind_the_one_before"]).await;
}

/// Keeps times in milliseconds.
#[derive(Debug, Clone)]
struct CutsTimes;

#[async_trait]
impl Fault for CutsTimes {
    async fn append(
        &self,
        log: &MemoryStore,
        stream: &StreamId,
        expected: Expected,
        mut commit: NewCommit,
    ) -> Result<Appended> {
        let millis = commit.recorded_at.as_millisecond();
        commit.recorded_at = Timestamp::from_millisecond(millis).expect("a time in range");
        log.append(stream, expected, commit).await
    }
}

#[tokio::test]
async fn times_that_lose_their_microseconds_are_found() {
    let rules = [("times_come_back_to_the_microsecond", "the receipt has another commit")];
    assert_breaks(&SUITE, log(CutsTimes), &rules).await;
}

/// Does not show the last commit yet: an eventually consistent read.
#[derive(Debug, Clone)]
struct ReadsLate;

impl Fault for ReadsLate {
    fn read<'a>(&'a self, log: &'a MemoryStore, query: ReadStream) -> BoxStream<'a, Result<Page>> {
        let pages = async move {
            let head = log.head(&query.stream).await?;
            let shown = move |commit: &Commit| Some(commit.head()) != head;
            let pages: Vec<_> = EventStore::read(log, query).collect().await;
            let pages = pages
                .into_iter()
                .map(|page| page.map(|page| page.into_iter().filter(shown).collect::<Page>()));
            let shown = pages.filter(|page| !matches!(page, Ok(page) if page.is_empty()));
            Ok::<_, Error>(futures::stream::iter(shown.collect::<Vec<_>>()))
        };
        use futures::TryFutureExt as _;
        pages.try_flatten_stream().boxed()
    }
}

#[tokio::test]
async fn an_eventually_consistent_read_is_found() {
    let rules = [
        ("an_appended_commit_is_read_at_once", "a read forwards: 0 commits, expected 1"),
        ("the_head_is_the_same_however_it_is_learnt", "asked for"),
        ("a_commit_is_found_by_its_id", "left == right"),
    ];
    assert_breaks(&SUITE, log(ReadsLate), &rules).await;
}
