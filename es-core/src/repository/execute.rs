use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt as _;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::aggregate::Aggregate;
use crate::command::Command as _;
use crate::commit::{Commit, CommitId, NewCommit};
use crate::cost::Cost;
use crate::encoded_events::EncodedEvents;
use crate::error::{Conflict, Error};
use crate::event_store::{Appended, Expected};
use crate::stream_id::StreamId;
use crate::telemetry;

use super::counters::Counters;
use super::load::{Until, apply_commit};
use super::{ExecuteError, ExecuteOptions, IdempotencyKey, Loaded, Receipt, Repository};

/// The state a decision is made on.
struct Basis<A> {
    loaded: Loaded<A>,
    /// Whether it was read from the log for this command. A cached state may be behind: good enough
    /// to append on, as the append is conditional, but not to turn a command down.
    fresh: bool,
}

/// What a decision led to.
enum Outcome<D: std::error::Error> {
    /// Boxed, as all receipts are on their way out: they are large, and the way has many steps.
    Done(Box<Receipt>),
    /// Not carried out on the state at hand.
    Declined(Declined<D>),
}

enum Declined<D: std::error::Error> {
    WrongVersion(Error),
    Rejected(D),
    NothingToDo,
}

impl<A: Aggregate> Repository<A> {
    /// Like [`execute`](Self::execute), with options.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute), and [`Error::VersionMismatch`],
    /// [`Error::IdempotencyKeyReused`], [`Error::InvalidId`] for what the options ask.
    pub async fn execute_with(
        &self,
        id: &str,
        command: A::Command,
        mut options: ExecuteOptions,
    ) -> Result<Receipt, ExecuteError<A::Error>> {
        let span = tracing::debug_span!(
            "execute",
            stream = Empty,
            command = command.name(),
            attempts = Empty,
            version = Empty,
        );
        // By reference, here and below: what is wrapped in something is moved with all that it will hold.
        let work = pin!(self.execute_measured(&span, id, &command, &mut options));
        work.instrument(span.clone()).await.map(|receipt| *receipt)
    }

    async fn execute_measured(
        &self,
        span: &Span,
        id: &str,
        command: &A::Command,
        options: &mut ExecuteOptions,
    ) -> Result<Box<Receipt>, ExecuteError<A::Error>> {
        let work = pin!(async {
            let mut receipt = self.decide_on_newest(span, id, command, options).await?;
            if !self.inline.is_empty() {
                self.project(&mut receipt).await;
            }
            Ok(receipt)
        });
        let (mut result, cost) = Cost::of(work).await;
        let outcome = match &mut result {
            Ok(receipt) => {
                receipt.cost = cost;
                span.record("attempts", receipt.attempts).record("version", receipt.version.get());
                match &receipt.commit {
                    Some(_) if receipt.replay => "replayed",
                    Some(_) => {
                        Counters::<A>::appended();
                        return result;
                    }
                    None => "unchanged",
                }
            }
            Err(ExecuteError::Rejected(_)) => "rejected",
            Err(ExecuteError::Failed(_)) => "failed",
        };
        metrics::counter!(telemetry::COMMANDS, "category" => A::CATEGORY, "outcome" => outcome)
            .increment(1);
        result
    }

    /// Lets the projections that run inline have the commit. They are not the command: what goes
    /// wrong here is told, and made good by the projection's next step.
    async fn project(&self, receipt: &mut Receipt) {
        let Some(commit) = &receipt.commit else { return };
        for projection in &self.inline {
            if let Err(error) = projection.apply(commit.clone()).await {
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(stream = %commit.stream(), cause, "an inline projection is behind");
                metrics::counter!(telemetry::INLINE_FAILURES, "category" => A::CATEGORY)
                    .increment(1);
                receipt.inline_error.get_or_insert(Arc::new(error));
            }
        }
    }

    async fn decide_on_newest(
        &self,
        span: &Span,
        id: &str,
        command: &A::Command,
        options: &mut ExecuteOptions,
    ) -> Result<Box<Receipt>, ExecuteError<A::Error>> {
        let stream = StreamId::new(A::CATEGORY, id)?;
        span.record("stream", tracing::field::display(&stream));
        if let Some(key) = &options.idempotency_key {
            key.check()?;
            options.metadata.idempotency_key = Some(key.key.clone());
            options.metadata.request_digest.clone_from(&key.request_digest);
        }
        options.metadata.command = Some(command.name().to_owned());
        options.metadata.check()?;

        let Some(cache) = &self.cache else {
            let loaded = self.load_until(&stream, Until::Now).boxed().await?;
            let mut basis = Basis { loaded, fresh: true };
            return self.decide_and_append(&mut basis, command, options).await;
        };
        let slot = cache.slot(&stream);
        let mut slot = slot.lock().await;
        let mut basis = match slot.take() {
            Some(loaded) => {
                Counters::<A>::cache_hit();
                Basis { loaded, fresh: false }
            }
            None => {
                let loaded = self.load_until(&stream, Until::Now).boxed().await?;
                Basis { loaded, fresh: true }
            }
        };
        let result = self.decide_and_append(&mut basis, command, options).await;
        // After a failure of the store the state may lack events: the next command reads again.
        if matches!(result, Ok(_) | Err(ExecuteError::Rejected(_))) {
            *slot = Some(basis.loaded);
        }
        result
    }

    async fn decide_and_append(
        &self,
        basis: &mut Basis<A>,
        command: &A::Command,
        options: &ExecuteOptions,
    ) -> Result<Box<Receipt>, ExecuteError<A::Error>> {
        let mut appends = 0;
        loop {
            let declined = match self.decide(basis, command, options, &mut appends).await? {
                Outcome::Done(receipt) => return Ok(receipt),
                Outcome::Declined(declined) => declined,
            };
            if !basis.fresh {
                basis.fresh = true;
                if self.catch_up(&mut basis.loaded).boxed().await? {
                    continue;
                }
            }
            // A repetition is often declined because the first one had its effect.
            if let Some(key) = &options.idempotency_key {
                let stream = &basis.loaded.stream;
                if let Some(original) = self.store.find(stream, key.commit_id(stream)).await? {
                    return Ok(replay_receipt(original, key, command.name(), appends)?);
                }
            }
            return match declined {
                Declined::WrongVersion(error) => Err(error.into()),
                Declined::Rejected(rejection) => Err(ExecuteError::Rejected(rejection)),
                Declined::NothingToDo => Ok(Box::new(Receipt {
                    stream: basis.loaded.stream.clone(),
                    version: basis.loaded.version,
                    commit: None,
                    replay: false,
                    attempts: appends,
                    inline_error: None,
                    cost: Cost::default(),
                })),
            };
        }
    }

    /// Decides on the state and appends, again after each conflict.
    async fn decide(
        &self,
        basis: &mut Basis<A>,
        command: &A::Command,
        options: &ExecuteOptions,
        appends: &mut u32,
    ) -> Result<Outcome<A::Error>, Error> {
        loop {
            let loaded = &mut basis.loaded;
            if let Some(expected) = options.expected_version
                && expected != loaded.version
            {
                return Ok(Outcome::Declined(Declined::WrongVersion(Error::VersionMismatch {
                    stream: loaded.stream.clone(),
                    expected,
                    actual: loaded.version,
                })));
            }
            let events = match loaded.state.handle(command.clone()) {
                Ok(events) if events.is_empty() => {
                    return Ok(Outcome::Declined(Declined::NothingToDo));
                }
                Ok(events) => events,
                Err(rejection) => return Ok(Outcome::Declined(Declined::Rejected(rejection))),
            };
            let commit = self.commit(loaded, options, &events)?;
            match self.append(loaded, commit, appends).await {
                Ok(appended) => {
                    let name = command.name();
                    return self.accept(basis, appended, events, options, name, *appends).await;
                }
                Err(Error::Conflict(conflict)) if *appends < self.max_attempts => {
                    metrics::counter!(telemetry::CONFLICTS, "category" => A::CATEGORY).increment(1);
                    if *appends == 1 {
                        // The first retry goes at once: the winner is most often alone.
                        self.catch_up_with_winner(loaded, *conflict).boxed().await?;
                    } else {
                        let delay = self.backoff.delay(*appends - 1, &*self.entropy);
                        self.clock.sleep(delay).await;
                        // Meanwhile others may have followed the winner.
                        self.catch_up(loaded).boxed().await?;
                    }
                    basis.fresh = true;
                }
                Err(Error::CommitIdReused(reused)) => {
                    return match &options.idempotency_key {
                        // Decided again on a newer state, the events may differ: it is the same
                        // request all the same.
                        Some(key) => {
                            let original = reused.original;
                            replay_receipt(original, key, command.name(), *appends)
                                .map(Outcome::Done)
                        }
                        None => Err(Error::CommitIdReused(reused)),
                    };
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn commit(
        &self,
        loaded: &Loaded<A>,
        options: &ExecuteOptions,
        events: &[A::Event],
    ) -> Result<NewCommit, Error> {
        let (codec, compression, from) = (self.codec, self.compression, self.compress_from);
        let (encoded, metadata) =
            EncodedEvents::encode_with(events, codec, compression, from, &options.metadata)
                .map_err(|error| Error::Encode {
                    what: format!("event {} of {}", error.name, loaded.stream),
                    source: error.into(),
                })?;
        let now = self.clock.now();
        let id = match &options.idempotency_key {
            Some(key) => key.commit_id(&loaded.stream),
            None => {
                let previous = loaded.head.map(|head| head.commit_id());
                CommitId::generate_after(previous, now, &*self.entropy)
            }
        };
        Ok(NewCommit::new(id, now, metadata, encoded))
    }

    /// Appends one decision. If it is unknown whether the store has it, the same commit is appended
    /// again: its id makes that safe.
    async fn append(
        &self,
        loaded: &Loaded<A>,
        commit: NewCommit,
        appends: &mut u32,
    ) -> Result<Appended, Error> {
        loop {
            *appends += 1;
            let expected = Expected::end(loaded.head);
            match self.store.append(&loaded.stream, expected, commit.clone()).await {
                Err(Error::Unavailable { .. }) if *appends < self.max_attempts => {
                    let delay = self.backoff.delay(*appends, &*self.entropy);
                    self.clock.sleep(delay).await;
                }
                result => return result,
            }
        }
    }

    /// Takes the appended events into the state.
    async fn accept(
        &self,
        basis: &mut Basis<A>,
        appended: Appended,
        events: Vec<A::Event>,
        options: &ExecuteOptions,
        command: &str,
        appends: u32,
    ) -> Result<Outcome<A::Error>, Error> {
        let Appended { commit, duplicate } = appended;
        let loaded = &mut basis.loaded;
        if commit.first_version() == loaded.version.next() {
            for event in events {
                loaded.state.apply(event);
            }
            loaded.version = commit.last_version();
            loaded.head = Some(commit.head());
        }
        if let Some(snapshots) = &self.snapshots {
            snapshots.save_if_due(loaded, self.codec).boxed().await;
        }
        let receipt = match &options.idempotency_key {
            Some(key) if duplicate => {
                let receipt = replay_receipt(commit, key, command, appends)?;
                // A later append of this call may have met its own first one. The first cannot.
                Box::new(Receipt { replay: appends == 1, ..*receipt })
            }
            _ => Box::new(Receipt {
                stream: commit.stream().clone(),
                version: commit.last_version(),
                commit: Some(commit),
                replay: false,
                attempts: appends,
                inline_error: None,
                cost: Cost::default(),
            }),
        };
        Ok(Outcome::Done(receipt))
    }

    /// Brings the state to where the stream is after a conflict, without a read when the conflict
    /// carries all that is missing.
    async fn catch_up_with_winner(
        &self,
        loaded: &mut Loaded<A>,
        conflict: Conflict,
    ) -> Result<(), Error> {
        if let Some(winner) = conflict.winner
            && winner.first_version() == loaded.version.next()
        {
            apply_commit(loaded, &winner, winner.last_version())?;
            if conflict.actual == Some(winner.head()) {
                return Ok(());
            }
        }
        self.catch_up(loaded).await.map(drop)
    }
}

/// The receipt of the first time, if it was for the same request.
fn replay_receipt(
    original: Commit,
    key: &IdempotencyKey,
    command: &str,
    attempts: u32,
) -> Result<Box<Receipt>, Error> {
    let stored = original.metadata()?;
    let differ = |stored: Option<&str>, asked: Option<&str>| {
        stored.zip(asked).is_some_and(|(stored, asked)| stored != asked)
    };
    if differ(stored.request_digest.as_deref(), key.request_digest.as_deref())
        || differ(stored.command.as_deref(), Some(command))
    {
        let (stream, key) = (original.stream().clone(), key.key.clone());
        return Err(Error::IdempotencyKeyReused { stream, key });
    }
    Ok(Box::new(Receipt {
        stream: original.stream().clone(),
        version: original.last_version(),
        commit: Some(original),
        replay: true,
        attempts,
        inline_error: None,
        cost: Cost::default(),
    }))
}
