//! What the command line says.

use std::path::PathBuf;
use std::time::Duration;

use es_benches::driver::Failure;
use es_benches::race::Rounds;
use es_benches::workload::Workload;

/// How much is measured, and of whom.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) rounds: Rounds,
    /// What numbers of events and commands are divided by.
    pub(crate) divisor: usize,
    pub(crate) drivers: Vec<PathBuf>,
    workloads: Vec<Workload>,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let rounds = Rounds { rounds: 7, at_least: Duration::from_millis(60) };
        let mut this = Self { rounds, divisor: 1, drivers: Vec::new(), workloads: Vec::new() };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} what?"));
            match argument.as_str() {
                // Cargo says so to all benchmarks.
                "--bench" => {}
                "--test" => {
                    this.rounds = Rounds { rounds: 1, at_least: Duration::ZERO };
                    this.divisor = 100;
                }
                "--rounds" => this.rounds.rounds = value()?.parse()?,
                "--driver" => this.drivers.push(value()?.into()),
                "--workload" => {
                    let name = value()?;
                    let workload = Workload::named(&name);
                    this.workloads.push(workload.ok_or_else(|| format!("no workload: {name}"))?);
                }
                _ => return Err(format!("what is {argument:?}?").into()),
            }
        }
        Ok(this)
    }

    pub(crate) fn names(&self, workload: Workload) -> bool {
        self.workloads.is_empty() || self.workloads.contains(&workload)
    }
}
