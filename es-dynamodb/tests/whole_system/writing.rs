//! Clients that give commands until all are done, whatever comes in between.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use es_core::{Clock as _, ExecuteError, ExecuteOptions};

use crate::support::ledger::{Enter, NotEntered};
use crate::world::{LEDGERS, World};

/// Between two commands of a client.
const PAUSE: Duration = Duration::from_secs(2);

/// What a client remembers, which survives its program.
#[derive(Debug)]
pub(crate) struct Client {
    next: Cell<u64>,
    end: u64,
    /// How often the log must have each command, at least and at most.
    times: RefCell<BTreeMap<u64, (usize, usize)>>,
}

impl Client {
    /// One with these commands to give.
    pub(crate) fn of(numbers: std::ops::Range<u64>) -> Self {
        let (next, times) = (Cell::new(numbers.start), RefCell::default());
        Self { next, end: numbers.end, times }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.next.get() == self.end
    }

    /// Gives the commands that are left.
    pub(crate) async fn work(&self, world: &World) {
        let ledgers = world.ledgers();
        while !self.is_done() {
            let number = self.next.get();
            let id = LEDGERS[(number * 7 % 5) as usize];
            // A command with a key is asked for until it is done; any other once.
            let options = if number.is_multiple_of(3) {
                self.next.set(number + 1);
                self.expect(number, (0, 1));
                ExecuteOptions::new()
            } else {
                self.expect(number, (0, 1));
                ExecuteOptions::new().idempotency_key(format!("request-{number}"))
            };
            match ledgers.execute_with(id, Enter { number }, options).await {
                Ok(_) => {
                    self.expect(number, (1, 1));
                    self.next.set(number + 1);
                }
                Err(error) => assert_may_pass(&error),
            }
            world.clock.sleep(PAUSE).await;
        }
    }

    fn expect(&self, number: u64, times: (usize, usize)) {
        self.times.borrow_mut().insert(number, times);
    }

    /// Panics unless each command is in the log as often as it must be.
    pub(crate) fn judge(&self, logged: &BTreeMap<String, Vec<(u64, u64)>>) {
        for (&number, &(least, most)) in &*self.times.borrow() {
            let is_first_line = |line: &&(u64, u64)| **line == (number, 1);
            let times = logged.values().flatten().filter(is_first_line).count();
            assert!((least..=most).contains(&times), "command {number} is there {times} times");
        }
    }
}

fn assert_may_pass(error: &ExecuteError<NotEntered>) {
    match error {
        ExecuteError::Failed(error) => assert!(error.is_transient(), "{}", error.with_causes()),
        ExecuteError::Rejected(_) => panic!("{error:?}"),
    }
}
