//! `cargo xtask bench-peers`: ours beside other libraries, on the same workloads.
//!
//! Each of the others is in a program of its own, in workspaces with their own lock files below
//! `benches/peers`. They are compiled here; the benchmark `peers` of `es-benches` starts them and
//! tells them what to do.

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::Command,
};

use clap::{Args, ValueEnum};

use crate::process;

mod lock_files;

/// Fewer say nothing about how far a median is to be trusted.
const LEAST_ROUNDS: u16 = 5;

/// How much is measured, and of whom.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often each contender has its turn, on each workload.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(i64::from(LEAST_ROUNDS)..))]
    rounds: u16,
    /// A library to measure ours beside; may be repeated [default: all].
    #[arg(long = "peer", value_enum)]
    peers: Vec<Peer>,
    /// A workload; may be repeated [default: all].
    #[arg(long = "workload", value_enum)]
    workloads: Vec<Workload>,
    /// Run everything once, on little: whether it works, not how fast it is.
    #[arg(long, conflicts_with = "rounds")]
    test: bool,
    /// Compile and run nothing: check the formatting and the lock files of the programs, as `.ci/run` does.
    #[arg(long, exclusive = true)]
    check: bool,
    /// Compile and run nothing: bring the lock files of the programs up to date with the manifests.
    #[arg(long, exclusive = true)]
    lock: bool,
}

/// A program below `benches/peers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Peer {
    CqrsEs,
    EventStoreAdapter,
    Eventcore,
    Eventsourced,
    Evento,
    /// dynamo-es and event-store-adapter-rs beside es-dynamodb, on recorded answers.
    Dynamodb,
}

/// A workload, as `es_benches::workload` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    ReplayOne,
    ReplayMany,
    Commands,
    CommandsOfTen,
}

/// The workspaces that the programs are in.
const MANIFESTS: [&str; 3] = [
    "benches/peers/Cargo.toml",
    "benches/peers/dynamodb/Cargo.toml",
    "benches/peers/event-store-adapter/Cargo.toml",
];

impl Peer {
    fn manifest(self) -> &'static str {
        match self {
            Self::Dynamodb => MANIFESTS[1],
            Self::EventStoreAdapter => MANIFESTS[2],
            _ => MANIFESTS[0],
        }
    }

    fn program(self) -> String {
        format!("peer-{}", name(self))
    }
}

fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Compiles the programs and runs the benchmark, or only checks.
///
/// # Errors
///
/// The first program that fails.
pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if options.check {
        for manifest in MANIFESTS {
            process::run(formatting(manifest))?;
        }
        return lock_files::check(&MANIFESTS);
    }
    if options.lock {
        return lock_files::write(&MANIFESTS);
    }
    let chosen = if options.peers.is_empty() { Peer::value_variants() } else { &options.peers };
    for (index, peer) in chosen.iter().enumerate() {
        let (program, count) = (peer.program(), chosen.len());
        eprintln!("compiling {program} ({} of {count}); the first time takes minutes …", index + 1);
        process::run(build(*peer))?;
    }
    Ok(process::run(bench(options, chosen))?)
}

fn formatting(manifest: &str) -> Command {
    process::cargo(["fmt", "--manifest-path", manifest, "--all", "--check"])
}

fn build(peer: Peer) -> Command {
    let mut build =
        process::cargo(["build", "--release", "--locked", "--manifest-path", peer.manifest()]);
    build.args(["--package", &peer.program(), "--target-dir"]).arg(target_directory());
    build
}

fn bench(options: &Options, peers: &[Peer]) -> Command {
    let mut bench = process::cargo(["bench", "--package", "es-benches", "--bench", "peers", "--"]);
    let programs = target_directory().join("release");
    for peer in peers {
        bench.arg("--driver").arg(programs.join(peer.program()));
    }
    for workload in &options.workloads {
        bench.args(["--workload", &name(*workload)]);
    }
    if options.test {
        bench.arg("--test");
    } else {
        bench.args(["--rounds", &options.rounds.to_string()]);
    }
    bench
}

/// One for all of the programs: what they share is compiled once.
fn target_directory() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    process::root().join(Path::new(&target)).join("peers")
}

#[cfg(test)]
mod tests;
