//! A program that does workloads on a library when it is told to.
//!
//! Libraries that cannot be linked into one program, as each has its own SQLite, are measured in programs of
//! their own. A [`Driver`] is such a program: it reads requests, a line each, from its standard input,
//!
//! ```text
//! about
//! run CONTENDER WORKLOAD DIVISOR
//! ```
//!
//! and answers to them on its standard error, in lines that begin with [`ANSWER`]; its standard output is
//! for libraries that print, as cqrs-es's memory store does for each load. [`Program`](crate::program::Program) is
//! the other side.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error;
use std::io::{self, BufRead as _};
use std::time::Instant;

use tokio::runtime::Runtime;

use crate::order::{Order, OrderEvent};
use crate::race::Timed;
use crate::workload::{Keeps, Plan, Tally, Workload, id};

/// What lines of answers begin with.
pub const ANSWER: &str = "driver: ";

/// What goes wrong in a driver.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A library with a store, as its documentation uses it.
pub trait Peer: Sized {
    /// What is decided on: the events of a command in the library's types.
    type Command;

    /// An empty store.
    fn open() -> impl Future<Output = Result<Self, Failure>>;

    /// A command that records these events in a stream. Made before the time begins.
    fn command(id: &str, events: Vec<OrderEvent>) -> Self::Command;

    /// Writes a stream, an event after the other, in the quickest way. No time is taken.
    fn fill(
        &mut self,
        id: &str,
        events: Vec<OrderEvent>,
    ) -> impl Future<Output = Result<(), Failure>>;

    /// Executes a command, and returns when the library says that it is done.
    fn execute(
        &mut self,
        id: &str,
        command: Self::Command,
    ) -> impl Future<Output = Result<(), Failure>>;

    /// The state of a stream, folded from its events.
    fn load(&mut self, id: &str) -> impl Future<Output = Result<Order, Failure>>;

    /// Why it has no way to do this, if it has none.
    fn cannot(_workload: Workload) -> Option<&'static str> {
        None
    }
}

/// What a contender answers to a request.
#[derive(Debug)]
pub enum Answer {
    /// It took so long, and came to these states.
    Done(Timed, Tally),
    /// It has no way to do this.
    Cannot(&'static str),
}

/// A [`Peer`] that does workloads. Streams that it only reads are written once.
#[derive(Debug)]
pub struct Contender<P> {
    filled: HashMap<Plan, P>,
}

impl<P> Default for Contender<P> {
    fn default() -> Self {
        Self { filled: HashMap::new() }
    }
}

impl<P: Peer> Contender<P> {
    /// Does the work once.
    ///
    /// # Errors
    ///
    /// Those of the library.
    pub fn run(
        &mut self,
        runtime: &Runtime,
        work: Workload,
        plan: Plan,
    ) -> Result<Answer, Failure> {
        if let Some(reason) = P::cannot(work) {
            return Ok(Answer::Cannot(reason));
        }
        let (timed, tally) = match work {
            Workload::ReplayOne | Workload::ReplayMany => self.replay(runtime, plan)?,
            Workload::Commands | Workload::CommandsOfTen => Self::execute(runtime, plan)?,
        };
        Ok(Answer::Done(timed, tally))
    }

    fn replay(&mut self, runtime: &Runtime, plan: Plan) -> Result<(Timed, Tally), Failure> {
        let peer = match self.filled.entry(plan) {
            Entry::Occupied(filled) => filled.into_mut(),
            Entry::Vacant(place) => {
                let mut peer = runtime.block_on(P::open())?;
                for (id, events) in plan.streams() {
                    runtime.block_on(peer.fill(&id, events))?;
                }
                place.insert(peer)
            }
        };
        timed(plan.events, || runtime.block_on(load(peer, plan)))
    }

    fn execute(runtime: &Runtime, plan: Plan) -> Result<(Timed, Tally), Failure> {
        let mut peer = runtime.block_on(P::open())?;
        let command = |(id, events): (String, _)| (id.clone(), P::command(&id, events));
        let commands: Vec<_> = plan.commands().map(command).collect();
        let (timed, ()) = timed(commands.len(), || {
            runtime.block_on(async {
                for (id, command) in commands {
                    peer.execute(&id, command).await?;
                }
                Ok(())
            })
        })?;
        Ok((timed, runtime.block_on(load(&mut peer, plan))?))
    }
}

fn timed<T>(
    items: usize,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<(Timed, T), Failure> {
    let began = Instant::now();
    let result = work();
    let took = began.elapsed();
    Ok((Timed { items: items as u64, took }, result?))
}

async fn load(peer: &mut impl Peer, plan: Plan) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    for stream in 0..plan.events.div_ceil(plan.per_stream) {
        tally.add(&peer.load(&id(stream)).await?);
    }
    Ok(tally)
}

/// The contenders of a program.
pub struct Driver {
    runtime: Runtime,
    contenders: Vec<Listed>,
}

struct Listed {
    name: String,
    is_floor: bool,
    keeps: Keeps,
    run: Box<Run>,
}

type Run = dyn FnMut(&Runtime, Workload, Plan) -> Result<Answer, Failure>;

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.contenders.iter().map(|one| &one.name)).finish()
    }
}

impl Driver {
    /// Without contenders, on a runtime of several threads.
    ///
    /// # Errors
    ///
    /// When the threads cannot be started.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self { runtime: Runtime::new()?, contenders: Vec::new() })
    }

    /// Adds a contender. The name says the version, and what is kept how.
    #[must_use]
    pub fn with<P: Peer + 'static>(self, name: impl Into<String>, keeps: Keeps) -> Self {
        self.listing::<P>(name.into(), keeps, false)
    }

    /// Adds what has to be done at least by those after it that keep events there: what the benchmark itself cannot
    /// do, as it is compiled without what that needs.
    #[must_use]
    pub fn with_floor<P: Peer + 'static>(self, name: impl Into<String>, keeps: Keeps) -> Self {
        self.listing::<P>(name.into(), keeps, true)
    }

    fn listing<P: Peer + 'static>(mut self, name: String, keeps: Keeps, is_floor: bool) -> Self {
        let mut contender = Contender::<P>::default();
        self.contenders.push(Listed {
            name,
            is_floor,
            keeps,
            run: Box::new(move |runtime, workload, plan| contender.run(runtime, workload, plan)),
        });
        self
    }

    /// Answers requests until there are no more.
    ///
    /// # Errors
    ///
    /// When a request is none, and when a library fails.
    pub fn serve(mut self) -> Result<(), Failure> {
        for request in io::stdin().lock().lines() {
            for line in self.answer(&request?)? {
                eprintln!("{ANSWER}{line}");
            }
        }
        Ok(())
    }

    fn answer(&mut self, request: &str) -> Result<Vec<String>, Failure> {
        let words: Vec<&str> = request.split(' ').collect();
        Ok(match words[..] {
            ["about"] => {
                let lines =
                    self.contenders.iter().map(|Listed { name, is_floor, keeps, .. }| {
                        let role = if *is_floor { "floor" } else { "contender" };
                        format!("{role} {} {name}", keeps.name())
                    });
                lines.chain(["end".to_owned()]).collect()
            }
            ["run", index, workload, divisor] => {
                let listed = self.contenders.get_mut(index.parse::<usize>()?);
                let listed = listed.ok_or_else(|| format!("there is no contender {index}"))?;
                let workload = Workload::named(workload)
                    .ok_or_else(|| format!("there is no workload {workload}"))?;
                let plan = workload.plan(listed.keeps, divisor.parse()?);
                vec![match (listed.run)(&self.runtime, workload, plan)? {
                    Answer::Done(Timed { items, took }, tally) => {
                        format!("done {items} {} {tally}", took.as_nanos())
                    }
                    Answer::Cannot(reason) => format!("cannot {reason}"),
                }]
            }
            _ => return Err(format!("no request: {request:?}").into()),
        })
    }
}

/// The version of a package in a lock file.
///
/// # Errors
///
/// When it is not there.
pub fn version(lock_file: &str, package: &str) -> Result<String, Failure> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock_file.lines().skip_while(|line| *line != name).skip(1);
    let version =
        lines.next().and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    Ok(version.ok_or_else(|| format!("{package} is not in the lock file"))?.to_owned())
}
