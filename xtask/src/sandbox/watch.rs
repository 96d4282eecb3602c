//! What happens in a stack, line by line: commits of its logs, messages in its queues, and what its
//! functions complain about.

mod commits;
mod complaints;
mod queues;

use std::{
    error::Error,
    io::{self, Write},
    thread,
    time::Duration,
};

use self::{commits::Commits, complaints::Complaints, queues::Queues};
use crate::servers::Place;

/// How often it is looked.
const INTERVAL: Duration = Duration::from_secs(1);

/// Prints what happens in the stack whose names begin with the prefix, for as long as the server answers.
///
/// # Errors
///
/// When it does not answer any longer.
pub(super) fn run(place: &Place, prefix: &str) -> Result<(), Box<dyn Error>> {
    let mut commits = Commits::of(prefix);
    let mut queues = Queues::of(prefix);
    let mut complaints = Complaints::of(place, prefix)?;
    loop {
        let mut lines = commits.look(place)?;
        lines.extend(queues.look(place)?);
        lines.extend(complaints.look(place)?);
        let mut screen = io::stdout().lock();
        for line in lines {
            writeln!(screen, "{line}")?;
        }
        screen.flush()?;
        drop(screen);
        thread::sleep(INTERVAL);
    }
}

/// The time of day in UTC, of microseconds since 1970.
fn time_of_day(microseconds: u64) -> String {
    let seconds = microseconds / 1_000_000 % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests;
