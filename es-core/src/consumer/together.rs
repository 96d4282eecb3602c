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

/// A view that is begun to be built.
pub struct Begun<'a>(pub(super) Box<dyn BuiltBeside + 'a>);

impl fmt::Debug for Begun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Begun").field(self.0.id()).finish()
    }
}

/// Builds views whose place is empty, and puts each in its place.
pub(super) async fn build(
    views: &[&dyn BuiltBeside],
    report: &mut (dyn FnMut(&ConsumerId, CatchUp) + Send),
) -> Result<Vec<CatchUp>> {
    let mut tallies = vec![Tally::default(); views.len()];
    let gone = pass(views, &mut tallies, true, report).await;
    if let Gone::Apart { is_new } = gone
        && views.len() > 1
    {
        for (view, tally) in views.iter().zip(&mut tallies) {
            pass(&[*view], std::slice::from_mut(tally), is_new, report).await;
        }
    }
    for (view, tally) in views.iter().zip(&mut tallies) {
        view.finish(tally, &mut |done| report(view.id(), done)).await?;
    }
    Ok(tallies.iter().map(Tally::total).collect())
}

/// How far a pass has come.
enum Gone {
    /// As far as it can. What is left, for whatever reason, is done in steps, which meet the same reason.
    Through,
    /// The views cannot go on together: they have nothing in common, or what was done of them has come apart, as
    /// when one was saved and the other was not. Each may still go alone. `is_new` says that nothing was done.
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
        if let Err(error) = views[0].wait_after(error, &mut failures).await {
            let (consumer, cause) = (views[0].id(), error.with_causes());
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
    /// decoded once for those which have the same type of events and the same categories. Otherwise each goes over
    /// the log for itself. Each view takes the place of the live one when it is complete, one after the other.
    ///
    /// On a runtime of several threads pages are read while earlier ones are folded, so two cores are at work.
    /// `report` is called after each page for each view. Gives what was done for each, in the order in which they
    /// were added.
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
    /// The first of those of [`Consumer::rebuild`](super::Consumer::rebuild); [`Error::Misuse`] for a policy, which
    /// has no view, before anything is done. Views that were not put in place yet stay as they were.
    pub async fn rebuild(
        &self,
        report: impl FnMut(&ConsumerId, CatchUp) + Send,
    ) -> Result<Vec<CatchUp>> {
        let mut report = report;
        for consumer in self.iter() {
            consumer.check_has_view()?;
        }
        let mut begun = Vec::new();
        for consumer in self.iter() {
            begun.push(consumer.begin_rebuild().await?);
        }
        let begun: Vec<&dyn BuiltBeside> = begun.iter().map(|Begun(view)| &**view).collect();
        build(&begun, &mut report).await
    }
}
