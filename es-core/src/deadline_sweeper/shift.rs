//! What is at hand: deadlines that fire, and those that wait for room.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, pin_mut};

use crate::deadline_store::Deadline;
use crate::error::Result;

use super::DeadlineSweeper;
use super::book::Turn;
use super::firing::Firing;
use super::line::Line;

/// One run, or one sweep. Everything that it waits for, it waits for while deadlines fire.
pub(super) struct Shift<'a> {
    pub(super) sweeper: &'a DeadlineSweeper,
    firings: FuturesUnordered<BoxFuture<'a, bool>>,
    /// Those that were not tried yet.
    first: Line,
    /// Those that failed, and whose time has come again.
    again: Line,
    /// Whether those that failed are tried again as their time comes, and not only when somebody looks again.
    tries_again: bool,
    /// Whether it is the turn of one that failed: neither kind can keep the other one from firing.
    is_turn_of_retry: bool,
    /// Whether the store is asked to remove what has fired. When it cannot, the next walk asks again.
    may_remove: bool,
    /// How many have fired so far.
    pub(super) fired: u64,
    /// How many attempts have failed so far.
    pub(super) failed: u64,
}

impl<'a> Shift<'a> {
    /// The most deadlines that wait for room without having been tried. It is met when those of a few instances are
    /// many, as else a page is read when none waits.
    const MOST_WAITING: usize = 10_000;

    pub(super) fn new(sweeper: &'a DeadlineSweeper) -> Self {
        Self {
            sweeper,
            firings: FuturesUnordered::new(),
            first: Line::default(),
            again: Line::default(),
            tries_again: false,
            is_turn_of_retry: false,
            may_remove: true,
            fired: 0,
            failed: 0,
        }
    }

    /// One that goes on: what failed is tried again, however long a walk lasts.
    pub(super) fn trying_again(sweeper: &'a DeadlineSweeper) -> Self {
        let mut shift = Self::new(sweeper);
        shift.tries_again = true;
        shift
    }

    /// Puts a deadline that is due in line, if it is to be tried now. Says what is to be done with it.
    pub(super) fn line_up(&mut self, deadline: Deadline) -> Turn {
        let now = self.sweeper.clock.monotonic();
        let turn = self.sweeper.book().turn_of(&deadline, now);
        match turn {
            Turn::First => self.first.push((Duration::ZERO, deadline)),
            Turn::Again => self.again.push((now, deadline)),
            Turn::Wait | Turn::InHand | Turn::Remove => {}
        }
        turn
    }

    /// Puts those in line whose time has come again.
    pub(super) fn line_up_retries(&mut self) {
        let retries = self.sweeper.book().take_retries(self.sweeper.clock.monotonic());
        retries.into_iter().for_each(|retry| self.again.push(retry));
    }

    /// How many wait for room.
    pub(super) fn waiting(&self) -> u64 {
        (self.first.len() + self.again.len()) as u64
    }

    /// Lets begin what there is room for, the earliest first. The room is that of the sweeper: others may have it.
    pub(super) fn start(&mut self) {
        while let Some(begun) = self.begin_next() {
            let Some(firing) = begun else { continue };
            self.firings.push(firing.fire().boxed());
        }
    }

    /// The two kinds take turns, and those that failed have half of the room at most: however many there are that
    /// take their whole time to fail, what was not tried yet begins. Says whether there was one; it may have had no
    /// reason to begin.
    fn begin_next(&mut self) -> Option<Option<Firing<'a>>> {
        let sweeper = self.sweeper;
        // Until it has begun, so that no other shift takes the same room.
        let book = sweeper.book();
        if book.under_way().len() >= sweeper.concurrency {
            return None;
        }
        let is_busy = |instance: &str| book.is_busy(instance);
        let room_for_retries = (sweeper.concurrency / 2).max(1);
        let retry = match book.count_retrying() < room_for_retries {
            true => self.again.first(is_busy),
            false => None,
        };
        let first = self.first.first(is_busy);
        let is_retry = retry.is_some() && (self.is_turn_of_retry || first.is_none());
        let place = if is_retry { retry } else { first }?.clone();
        self.is_turn_of_retry = !is_retry;
        if is_retry {
            self.again.take(&place);
        } else {
            self.first.take(&place);
        }
        Some(Firing::begin(sweeper, book, place.1, is_retry))
    }

    /// Whether one waits for nothing but room, which those of another shift may have.
    fn waits_for_room(&self) -> bool {
        let book = self.sweeper.book();
        let is_busy = |instance: &str| book.is_busy(instance);
        self.first.first(is_busy).or_else(|| self.again.first(is_busy)).is_some()
    }

    /// Waits for something else while deadlines fire.
    pub(super) async fn beside<T>(&mut self, other: impl Future<Output = T>) -> T {
        let sweeper = self.sweeper;
        pin_mut!(other);
        loop {
            let room = sweeper.room.notified();
            pin_mut!(room);
            room.as_mut().enable();
            self.start();
            tokio::select! {
                biased;
                output = &mut other => return output,
                Some(fired) = self.firings.next() => self.count(fired),
                () = room, if self.waits_for_room() => {}
            }
        }
    }

    /// Waits until no deadline that was not tried yet waits for room: those of instances that are busy, and those
    /// that failed, keep nobody from being read.
    pub(super) async fn has_room(&mut self) -> Result<()> {
        let mut removed = Ok(());
        self.start();
        while self.is_full() {
            removed = removed.and(self.goes_on().await);
        }
        removed
    }

    fn is_full(&self) -> bool {
        let book = self.sweeper.book();
        let is_long = self.first.len() >= Self::MOST_WAITING && !self.firings.is_empty();
        is_long || self.first.first(|instance| book.is_busy(instance)).is_some()
    }

    /// Waits until all that is at hand has fired or failed.
    pub(super) async fn comes_to_its_end(&mut self) -> Result<()> {
        let mut removed = Ok(());
        self.start();
        while !self.firings.is_empty() || self.waits_for_room() {
            removed = removed.and(self.goes_on().await);
        }
        removed.and(self.remove_fired().await)
    }

    /// Waits until a deadline has fired or failed, and removes what has fired.
    async fn goes_on(&mut self) -> Result<()> {
        let sweeper = self.sweeper;
        let room = sweeper.room.notified();
        pin_mut!(room);
        room.as_mut().enable();
        self.start();
        tokio::select! {
            biased;
            Some(fired) = self.firings.next() => self.count(fired),
            () = room, if self.waits_for_room() => {}
            else => {}
        }
        if self.tries_again {
            self.line_up_retries();
        }
        self.take_in();
        let removed = self.remove_fired().await;
        self.start();
        removed
    }

    /// Takes in what has ended by now, up to as many as are removed at once.
    pub(super) fn take_in(&mut self) {
        self.start();
        while !(self.may_remove && self.sweeper.book().count_fired() >= self.sweeper.page_size)
            && let Some(Some(fired)) = self.firings.next().now_or_never()
        {
            self.count(fired);
            self.start();
        }
    }

    /// Waits until a deadline has fired or failed, or for so long.
    pub(super) async fn waits(&mut self, at_most: Duration) {
        let sweeper = self.sweeper;
        let room = sweeper.room.notified();
        pin_mut!(room);
        room.as_mut().enable();
        self.start();
        tokio::select! {
            biased;
            Some(fired) = self.firings.next() => self.count(fired),
            () = room, if self.waits_for_room() => {}
            () = sweeper.clock.sleep(at_most) => {}
        }
    }

    /// Removes what has fired, as a walk begins.
    pub(super) async fn remove_fired_at_last(&mut self) -> Result<()> {
        self.may_remove = true;
        self.remove_fired().await
    }

    /// Removes what has fired, unless the store could not just now.
    pub(super) async fn remove_fired(&mut self) -> Result<()> {
        if !self.may_remove {
            return Ok(());
        }
        let removed = self.beside(self.sweeper.remove_fired()).await;
        self.may_remove = removed.is_ok();
        removed
    }

    /// Whether something has fired that can be removed.
    pub(super) fn has_to_remove(&self) -> bool {
        self.may_remove && self.sweeper.book().count_fired() > 0
    }

    fn count(&mut self, fired: bool) {
        if fired {
            self.fired += 1;
        } else {
            self.failed += 1;
        }
    }
}

impl Drop for Shift<'_> {
    /// What waits in line is tried again by whoever comes next.
    fn drop(&mut self) {
        let mut book = self.sweeper.book();
        for (again_at, deadline) in std::mem::take(&mut self.again).into_places() {
            book.give_back(&deadline, again_at);
        }
    }
}
