use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use es_core::NewCommit;
use es_core::testing::faults::{Call, Fault, Faults, FaultyEventStore};

/// Another writer, which is faster when the test says so.
#[derive(Debug, Clone)]
pub struct Rivals {
    faults: Faults,
    commits: Arc<Mutex<VecDeque<NewCommit>>>,
}

impl Rivals {
    pub fn new(faults: &Faults) -> Self {
        Self { faults: faults.clone(), commits: Arc::default() }
    }

    /// The log, with this writer on it.
    pub fn on(&self, log: FaultyEventStore) -> FaultyEventStore {
        let commits = Arc::clone(&self.commits);
        log.with_rival(move |_| commits.lock().unwrap().pop_front())
    }

    /// Lets `commit` get in before the `nth` append from now.
    pub fn overtake(&self, nth: u64, commit: NewCommit) {
        self.commits.lock().unwrap().push_back(commit);
        self.faults.at(Call::Append, nth, Fault::Overtaken);
    }
}
