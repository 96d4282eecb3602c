//! Batches of which some entries fail.

use crate::error::{Error, Result};

use super::request::Request;
use super::{Fault, Injection};

/// Which entries of a batch do not get through.
pub(super) struct Entries {
    fails: Vec<bool>,
    injection: Option<Injection>,
    what: String,
}

impl Request<'_> {
    /// Of a batch of this length, if that is due: some entries fail, at least one.
    pub(super) fn entries(&self, len: usize) -> Entries {
        let what = format!("an entry of {:?}", self.call());
        if len == 0 || !self.is_due(Fault::FailedEntries) {
            return Entries { fails: vec![false; len], injection: None, what };
        }
        let injection = self.inject(Fault::FailedEntries);
        let mut fails: Vec<bool> = (0..len).map(|_| self.index(2) == 0).collect();
        let at_least = self.index(len);
        fails[at_least] = true;
        Entries { fails, injection: Some(injection), what }
    }
}

impl Entries {
    /// Those that get through.
    pub(super) fn let_through<T>(&self, all: impl IntoIterator<Item = T>) -> Vec<T> {
        all.into_iter().zip(&self.fails).filter(|(_, fails)| !**fails).map(|(it, _)| it).collect()
    }

    /// Whether there were entries, and none got through.
    pub(super) fn all_failed(&self) -> bool {
        !self.fails.is_empty() && self.fails.iter().all(|fails| *fails)
    }

    /// The answers for all, of the answers for those that got through.
    pub(super) fn answers<R>(self, through: Vec<Result<R>>) -> Vec<Result<R>> {
        let Self { fails, injection, what } = self;
        let Some(injection) = injection else { return through };
        let mut through = through.into_iter();
        let failed = || Error::Unavailable { what: what.clone(), source: injection.into() };
        let answer = |fails: bool| if fails { Some(Err(failed())) } else { through.next() };
        fails.into_iter().filter_map(answer).collect()
    }
}
