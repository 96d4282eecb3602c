//! The workspace's own commands: `cargo xtask test`, `cargo xtask ci`, `cargo xtask guide`,
//! `cargo xtask fuzz`, `cargo xtask costs`, `cargo xtask throughput`, `cargo xtask deny`.
//!
//! Everything that a contributor or a build server has to run is a command here, so that both run
//! the same thing. The modules: `test`, `ci`, `guide` and `fuzz` are commands, `process` starts
//! programs, `servers` has those that tests need, `summary` reads what test runners print at their end.

mod ci;
mod fuzz;
mod guide;
mod process;
mod servers;
mod summary;
mod test;

use std::{error::Error, ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand};

/// The workspace's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every test of the workspace, then the doc tests, and end with their totals.
    ///
    /// Sets up whatever the tests need: the example programs that the end-to-end tests start, and
    /// ministack and kinesis-local, servers with AWS's interfaces, which the tests of the dispensary's
    /// pipeline need and on which those of the AWS backends run once more (Python 3 and Node install them
    /// below target/tools on first use). Uses cargo-nextest when it is installed, `cargo test` otherwise.
    /// Fails when a test failed, and when none ran.
    Test {
        /// Arguments for the test runner, such as a test's name; the doc tests do not get them, and
        /// nothing runs once more on a server.
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Run everything that a change has to pass: formatting, lints, docs, benches, guide, fuzzing,
    /// tests.
    Ci,
    /// Render the guide into target/guide/book; installs mdBook below target/tools on first use.
    Guide {
        /// Show it in a browser.
        #[arg(long)]
        open: bool,
    },
    /// Run the fuzz targets on the stable toolchain, each for some seconds.
    ///
    /// Begins with the seeds in `fuzz/seeds` and with what earlier runs have found. An input that fails
    /// is kept in `fuzz/artifacts`.
    Fuzz {
        /// The only target to run.
        target: Option<String>,
        /// How long each target runs.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Arguments for libFuzzer, such as the path of an input to try again.
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Print what commands cost on DynamoDB, in requests and capacity units, beside dynamo-es.
    ///
    /// Counted on a local server in the program itself; the first run compiles a workspace of its own.
    Costs,
    /// Print how fast commits are published to Kinesis and consumed, and messages by way of SNS and SQS, beside
    /// what the plain APIs do.
    ///
    /// Measured on ministack, a local server, which Python 3 installs below target/tools on first use; the
    /// first run compiles an optimised build of the AWS SDK, which takes minutes.
    Throughput,
    /// Check licences, advisories, bans and sources of all dependencies with cargo-deny.
    Deny,
}

fn main() -> ExitCode {
    run(Cli::parse().command).unwrap_or_else(|error| {
        eprintln!("error: {}", with_causes(&*error));
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Result<ExitCode, Box<dyn Error>> {
    Ok(match command {
        Command::Test { arguments } => test::run(&arguments)?.conclude(),
        Command::Ci => ci::run()?,
        Command::Guide { open } => guide::run(open)?,
        Command::Fuzz { target, seconds, arguments } => {
            fuzz::run(target.as_deref(), seconds, &arguments)?;
            ExitCode::SUCCESS
        }
        Command::Costs => {
            let bench = ["bench", "--manifest-path", "benches/costs/Cargo.toml"];
            process::run(process::cargo(bench)).map(|()| ExitCode::SUCCESS)?
        }
        Command::Throughput => throughput()?,
        Command::Deny => deny()?,
    })
}

/// Not a step of `ci`, which compiles it: what it prints depends on the machine.
fn throughput() -> Result<ExitCode, Box<dyn Error>> {
    let server = servers::MINISTACK.start()?;
    for (bench, variable) in
        [("kinesis", "ES_BENCH_ENDPOINT_KINESIS"), ("messages", "ES_BENCH_ENDPOINT_SNS_SQS")]
    {
        let mut command = process::cargo(["bench", "--package", "es-benches"]);
        command.args(["--features", "aws", "--bench", bench]).env(variable, &server.endpoint);
        process::run(command)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Not a step of `ci`: the advisory database comes over the network and changes by itself.
fn deny() -> Result<ExitCode, process::Error> {
    if !process::succeeds_quietly(process::cargo(["deny", "--version"])) {
        eprintln!("error: cargo-deny is missing; `cargo install --locked cargo-deny` installs it");
        return Ok(ExitCode::FAILURE);
    }
    process::run(process::cargo(["deny", "check"])).map(|()| ExitCode::SUCCESS)
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
