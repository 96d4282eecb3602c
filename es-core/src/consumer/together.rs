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

    /// Takes one step in a partition. Returns whether its page was taken care of.
    async fn step(
        &self,
        partition: &PartitionId,
        tally: &mut Tally,
        report: &mut (dyn FnMut(CatchUp) + Send),
    ) -> Result<bool>;

    /// Returns when a transient error can be tried again after.
    async fn wait_after(&self, error: Error, failures: &mut u32) -> Result<()>;

    /// Takes steps to the end of the feed, and puts the view in its place.
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
    pass(views, &mut tallies, report).await;
    for (view, tally) in views.iter().zip(&mut tallies) {
        view.finish(tally, &mut |done| report(view.id(), done)).await?;
    }
    Ok(tallies.iter().map(Tally::total).collect())
}

/// Goes over the log in one pass, as far as that goes. What is left for whatever reason is done in steps, which meet
/// the same reason.
async fn pass(
    views: &[&dyn BuiltBeside],
    tallies: &mut Vec<Tally>,
    report: &mut (dyn FnMut(&ConsumerId, CatchUp) + Send),
) {
    let (mut failures, mut is_new) = (0, true);
    loop {
        let Some(buildings) = views.iter().map(|view| view.building()).collect() else { return };
        let gone = go(buildings, is_new, views, tallies, report, &mut failures).await;
        is_new = false;
        let Err(error) = gone else { return };
        if views[0].wait_after(error, &mut failures).await.is_err() {
            return;
        }
    }
}

async fn go(
    buildings: Vec<Building>,
    is_new: bool,
    views: &[&dyn BuiltBeside],
    tallies: &mut Vec<Tally>,
    report: &mut (dyn FnMut(&ConsumerId, CatchUp) + Send),
    failures: &mut u32,
) -> Result<()> {
    let Some(mut pass) = Pass::over(buildings, is_new).await? else { return Ok(()) };
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
        let End::Steps(steps) = end? else { return Ok(()) };
        for (view, tally) in views.iter().zip(&mut *tallies) {
            for _ in 0..steps {
                let mut report = |done| report(view.id(), done);
                if !view.step(&partition, tally, &mut report).await? {
                    return Ok(());
                }
            }
        }
    }
}

impl Consumers {
    /// Builds the views of all of them again, as [`Consumer::rebuild`](super::Consumer::rebuild) does for one, but
    /// together: where they follow the same feed of one partition, as that of a store which is log and feed in one,
    /// it is read once for all of them, and events are decoded once for those which have the same type of events and
    /// the same categories. Each view takes the place of the live one when it is complete, one after the other.
    ///
    /// On a runtime of several threads pages are read, decoded and folded at the same time, on as many cores.
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
