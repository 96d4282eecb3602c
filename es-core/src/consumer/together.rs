//! Several views built again in one pass over the log.

use std::fmt;

use async_trait::async_trait;

use crate::checkpoint_store::ConsumerId;
use crate::error::{Error, Result};
use crate::feed::PartitionId;

use super::catch_up::Tally;
use super::in_memory::{Building, End, Pass};
use super::{CatchUp, Consumers};

/// A view that is built beside the live one.
#[async_trait]
pub(super) trait BuiltBeside: Send + Sync {
    /// The live one's name.
    fn id(&self) -> &ConsumerId;

    /// Begins with nothing.
    async fn begin(&mut self) -> Result<()>;

    /// What folding it in memory takes. `None` when its store takes only so much in one step, or it is no view.
    fn building(&self) -> Option<Building>;

    /// Takes care of the next page of a partition, in as many steps as that takes. Returns whether there was one.
    async fn take_page(
        &self,
        partition: &PartitionId,
        tally: &mut Tally,
        report: &mut (dyn FnMut(CatchUp) + Send),
    ) -> Result<bool>;

    /// Returns when a transient error can be tried again after.
    async fn wait_after(&self, error: Error, failures: &mut u32) -> Result<()>;

    /// Takes steps to the end of the feed, and puts the view in its place. What finds nothing new behind a pass is not
    /// reported.
    async fn finish(
        &self,
        tally: &mut Tally,
        report: &mut (dyn FnMut(CatchUp) + Send),
    ) -> Result<()>;
}

/// A view that is to be built.
pub struct ToBuild<'a>(pub(super) Box<dyn BuiltBeside + 'a>);

impl fmt::Debug for ToBuild<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ToBuild").field(self.0.id()).finish()
    }
}

/// Builds views, and puts each in its place. An error of one keeps none of the others from theirs; the first is given.
pub(super) async fn build(
    views: &mut [ToBuild<'_>],
    report: &mut (dyn FnMut(&ConsumerId, CatchUp) + Send),
) -> Result<Vec<CatchUp>> {
    let together = if share_a_pass(views).await { views.len() } else { 1 };
    let (mut built, mut failed) = (Vec::with_capacity(views.len()), None);
    // Each is begun when its turn comes: others take one that was begun and stands still for one that has stopped.
    for turn in views.chunks_mut(together) {
        match take_turn(turn, report).await {
            Ok(done) => built.extend(done),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(built), Err)
}

/// Whether there are several, and one pass can build them.
async fn share_a_pass(views: &[ToBuild<'_>]) -> bool {
    let from = views.iter().map(|ToBuild(view)| view.building().map(|building| building.from));
    let (Some(from), [ToBuild(first), _, ..]) = (from.collect::<Option<Vec<_>>>(), views) else {
        return false;
    };
    let mut failures = 0;
    loop {
        let error = match Pass::partition_of(&from).await {
            Ok(partition) => return partition.is_some(),
            Err(error) => error,
        };
        if first.wait_after(error, &mut failures).await.is_err() {
            // Each meets it by itself.
            return false;
        }
    }
}

/// Builds views in one pass, as far as that goes.
async fn take_turn(
    views: &mut [ToBuild<'_>],
    report: &mut (dyn FnMut(&ConsumerId, CatchUp) + Send),
) -> Result<Vec<CatchUp>> {
    let (mut begun, mut failed) = (Vec::<&dyn BuiltBeside>::new(), None);
    for ToBuild(view) in views {
        match view.begin().await {
            Ok(()) => begun.push(&**view),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let mut tallies = vec![Tally::default(); begun.len()];
    let gone = pass(&begun, &mut tallies, true, report).await;
    if let Gone::Apart { is_new } = gone
        && begun.len() > 1
    {
        for (view, tally) in begun.iter().zip(&mut tallies) {
            pass(&[*view], std::slice::from_mut(tally), is_new, report).await;
        }
    }
    for (view, tally) in begun.iter().zip(&mut tallies) {
        if let Err(error) = view.finish(tally, &mut |done| report(view.id(), done)).await {
            failed = failed.or(Some(error));
        }
    }
    failed.map_or_else(|| Ok(tallies.iter().map(Tally::total).collect()), Err)
}

/// How far a pass has come.
enum Gone {
    /// As far as it can. What is left, for whatever reason, is done in steps, which meet the same reason.
    Through,
    /// The views cannot go on together: they have nothing in common, or what was done of them has come apart, as
    /// when one was saved and the other was not, or one has failed for good. Each may still go alone. `is_new` says
    /// that nothing was done.
    Apart { is_new: bool },
}

/// Goes over the log in one pass, as far as that goes.
async fn pass(
    views: &[&dyn BuiltBeside],
    tallies: &mut [Tally],
    is_new: bool,
    report: &mut (dyn FnMut(&ConsumerId, CatchUp) + Send),
) -> Gone {
    let (mut failures, mut is_new) = (0, is_new);
    loop {
        let error = match go(views, tallies, is_new, report, &mut failures).await {
            Ok(gone) => return gone,
            Err(error) => error,
        };
        is_new = false;
        let Some(first) = views.first() else { return Gone::Through };
        if let Err(error) = first.wait_after(error, &mut failures).await {
            // It may be one view's error only.
            if views.len() > 1 {
                return Gone::Apart { is_new };
            }
            let (consumer, cause) = (first.id(), error.with_causes());
            tracing::warn!(%consumer, cause, "a rebuild goes on step by step");
            return Gone::Through;
        }
    }
}

async fn go(
    views: &[&dyn BuiltBeside],
    tallies: &mut [Tally],
    is_new: bool,
    report: &mut (dyn FnMut(&ConsumerId, CatchUp) + Send),
    failures: &mut u32,
) -> Result<Gone> {
    let Some(buildings) = views.iter().map(|view| view.building()).collect() else {
        return Ok(Gone::Apart { is_new });
    };
    let Some(mut pass) = Pass::over(buildings, is_new).await? else {
        return Ok(Gone::Apart { is_new });
    };
    let earlier: Vec<_> = tallies.iter().map(|tally| tally.total().elapsed).collect();
    let partition = pass.partition().clone();
    let elapsed = pass.timer();
    loop {
        let passed = tallies[0].total().passed;
        let mut add = |view: usize, tally: &mut Tally, step: &super::step::Step| {
            tally.add(&partition, step, earlier[view] + elapsed());
            report(views[view].id(), tally.total());
        };
        let end = pass.run(tallies, &mut add).await;
        if tallies[0].total().passed > passed {
            *failures = 0;
        }
        let steps = match end? {
            End::Reached => return Ok(Gone::Through),
            End::Apart => return Ok(Gone::Apart { is_new: false }),
            End::Steps(steps) => steps,
        };
        for (view, tally) in views.iter().zip(&mut *tallies) {
            for _ in 0..steps {
                let mut report = |done| report(view.id(), done);
                if !view.take_page(&partition, tally, &mut report).await? {
                    return Ok(Gone::Through);
                }
            }
        }
    }
}

impl Consumers {
    /// Builds the views of all of them again, as [`Consumer::rebuild`](super::Consumer::rebuild) does for one, but
    /// together: where they follow the same feed of one partition, as that of a store which is log and feed in one,
    /// with the same [batch size](super::Consumer::with_batch_size), it is read once for all of them, and events are
    /// decoded once for those which have the same type of events and the same categories, and take each unknown event
    /// for an [error](crate::UnknownEvents::Fail); those that [skip](crate::UnknownEvents::Skip) them count them each
    /// for itself. Otherwise each goes over the log for itself, begun when the one before is done. Each view takes the
    /// place of the live one when it is complete, one after the other.
    ///
    /// On a runtime of several threads pages are read while earlier ones are folded, so two cores are at work.
    /// `report` is called after each page for each view; its numbers may
    /// [go back](super::Consumer::rebuild) after an error. Gives what was done for each, in the order in which they were
    /// added.
    ///
    /// ```
    /// # mod doc {
    /// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
    /// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));
    /// # }
    /// # use doc::*;
    /// use std::sync::Arc;
    ///
    /// use es_core::memory::MemoryStore;
    /// use es_core::{Consumers, Projection, Repository};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = Arc::new(MemoryStore::new());
    /// let accounts = Repository::<Account>::new(store.clone());
    /// accounts.execute("a-1", AccountCommand::Credit(5)).await?;
    ///
    /// let statements = Arc::new(Projection::on(Statements, store)?);
    /// let views = Consumers::new().with(statements.clone()); // and others
    /// let built = views.rebuild(|view, done| println!("{view}: {done:?}")).await?;
    /// assert_eq!(built[0].applied, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The first of those of [`Consumer::rebuild`](super::Consumer::rebuild): the live view that it is about stays as
    /// it was, and the other views are built and put in their places all the same. [`Error::Misuse`] for a policy,
    /// which has no view, before anything is done.
    pub async fn rebuild(
        &self,
        report: impl FnMut(&ConsumerId, CatchUp) + Send,
    ) -> Result<Vec<CatchUp>> {
        let mut report = report;
        let views: Result<Vec<ToBuild<'_>>> =
            self.iter().map(|consumer| consumer.to_build()).collect();
        build(&mut views?, &mut report).await
    }
}
