//! One round over the feed's partitions.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use crate::error::{Error, Result};
use crate::feed::{Partition, PartitionId};

use super::Consumer;
use super::handler::Handler;
use super::sharing::Share;
use super::step::Step;
use super::until::Until;

/// A partition that can be read, because those of its parents that are listed have ended.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) id: PartitionId,
    /// The parents that are not listed any more.
    pub(super) gone_parents: Vec<PartitionId>,
}

impl Ready {
    /// `partition`, in a feed that lists these.
    pub(super) fn of(partition: Partition, listed: &HashSet<PartitionId>) -> Self {
        let Partition { id, parents } = partition;
        let gone_parents = parents.into_iter().filter(|id| !listed.contains(id)).collect();
        Self { id, gone_parents }
    }
}

/// How a round ended.
pub(super) enum Round {
    /// Nothing is left for now. The partitions that were read to their end for now.
    Done(Vec<PartitionId>),
    /// It was stopped.
    Stopped,
}

/// Asks a round to stop, which does not cut a step off.
#[derive(Debug, Default)]
pub(super) struct Stop(AtomicBool);

impl Stop {
    pub(super) fn ask(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// How one pass over the partitions ended.
enum Pass {
    Done(Round),
    /// Partitions have ended, and their children may be listed now.
    MoreListed,
    /// The progress may not be what this object remembers.
    Unsure,
}

/// Where a partition is after its steps.
enum Reached {
    /// Its end for now.
    End,
    /// Its end for good.
    Ended,
    /// Its end for good, before this pass.
    WasEnded,
    /// The same, as this object remembers.
    Remembered,
    /// Somewhere else than this object remembers: somebody has moved it.
    Elsewhere,
    /// A step after which the round was to stop, or the partition is another worker's.
    Stop,
}

impl<H: Handler> Consumer<H> {
    /// Takes steps in every partition until it has no more, several partitions at a time, parents
    /// first; the children of those that have not ended wait.
    pub(super) async fn round(
        &self,
        until: Until,
        share: Share<'_>,
        stop: &Stop,
        report: &(dyn Fn(&PartitionId, &Step) + Send + Sync),
    ) -> Result<Round> {
        self.prepared.get_or_try_init(|| self.handler.prepare()).await?;
        loop {
            self.keep_anchors().await?;
            match self.pass(until, share, stop, report).await {
                Ok(Pass::Done(round)) => return Ok(round),
                Ok(Pass::MoreListed) => {}
                Ok(Pass::Unsure) => self.forget_positions(),
                Err(error) => {
                    if matches!(error, Error::Fenced { .. }) {
                        self.forget_positions();
                    }
                    return Err(error);
                }
            }
        }
    }

    async fn pass(
        &self,
        until: Until,
        share: Share<'_>,
        stop: &Stop,
        report: &(dyn Fn(&PartitionId, &Step) + Send + Sync),
    ) -> Result<Pass> {
        let mut waiting = parents_first(self.feed.partitions().await?)?;
        let listed: HashSet<PartitionId> = waiting.iter().map(|p| p.id.clone()).collect();
        let mut unfinished = listed.clone();
        self.leave_to_others(share, &mut waiting, &mut unfinished).await?;
        let mut open = Vec::new();
        let (mut ended, mut remembered, mut elsewhere) = (false, false, false);
        let mut failed = None;
        let mut driving = FuturesUnordered::new();
        loop {
            while driving.len() < self.concurrency.max(1) && !stop.is_asked() {
                let ready = |p: &Partition| p.parents.iter().all(|id| !unfinished.contains(id));
                let Some(next) = waiting.iter().position(ready) else { break };
                let partition = Ready::of(waiting.remove(next), &listed);
                driving.push(async move {
                    let reached = self.drive(&partition, until, share, stop, report).await;
                    (partition.id, reached)
                });
            }
            let Some((id, reached)) = driving.next().await else { break };
            match reached {
                Ok(Reached::End) => open.push(id),
                Ok(reached @ (Reached::Ended | Reached::WasEnded | Reached::Remembered)) => {
                    ended |= matches!(reached, Reached::Ended);
                    remembered |= matches!(reached, Reached::Remembered);
                    unfinished.remove(&id);
                }
                Ok(Reached::Elsewhere) => elsewhere = true,
                Ok(Reached::Stop) => {}
                Err(error) => {
                    // What can be tried again holds up this partition only. Otherwise the steps at
                    // hand in the others are finished, and no more.
                    if !can_be_tried_again(&error) {
                        stop.ask();
                        failed = Some(error);
                    } else {
                        failed.get_or_insert(error);
                    }
                }
            }
        }
        // With nothing but remembered ends, nobody has looked whether the consumer was set back.
        let unseen = remembered && open.is_empty();
        match failed {
            Some(error) => Err(error),
            None if stop.is_asked() => Ok(Pass::Done(Round::Stopped)),
            None if elsewhere || unseen => Ok(Pass::Unsure),
            None if ended => Ok(Pass::MoreListed),
            None => Ok(Pass::Done(Round::Done(open))),
        }
    }

    async fn drive(
        &self,
        partition: &Ready,
        until: Until,
        share: Share<'_>,
        stop: &Stop,
        report: &(dyn Fn(&PartitionId, &Step) + Send + Sync),
    ) -> Result<Reached> {
        if self.remembers_end_of(&partition.id).await {
            return Ok(Reached::Remembered);
        }
        loop {
            if stop.is_asked() {
                return Ok(Reached::Stop);
            }
            let work = async {
                self.check_not_paused().await?;
                self.step(partition, until).await
            };
            let Some(step) = share.work_in(&partition.id, work).await.transpose()? else {
                return Ok(Reached::Stop);
            };
            report(&partition.id, &step);
            if step.moved_elsewhere {
                return Ok(Reached::Elsewhere);
            }
            if step.ended {
                return Ok(if step.saved { Reached::Ended } else { Reached::WasEnded });
            }
            if step.at_end {
                return Ok(Reached::End);
            }
        }
    }
}

/// Whether an error is one of those that a worker tries again after.
pub(super) fn can_be_tried_again(error: &Error) -> bool {
    error.is_transient() || matches!(error, Error::Fenced { .. })
}

/// Orders partitions so that each comes after its parents. Parents that are not listed are gone.
pub(crate) fn parents_first(partitions: Vec<Partition>) -> Result<Vec<Partition>> {
    let mut waiting = partitions;
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let open: BTreeSet<PartitionId> = waiting.iter().map(|p| p.id.clone()).collect();
        let (ready, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|p| p.parents.iter().all(|id| !open.contains(id)));
        if ready.is_empty() {
            return Err(Error::Corrupt {
                what: "the list of the feed's partitions".to_owned(),
                reason: "partitions are each other's parents".to_owned(),
            });
        }
        ordered.extend(ready);
        waiting = later;
    }
    Ok(ordered)
}
