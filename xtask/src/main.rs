//! The workspace's own commands: `cargo xtask test`, `cargo xtask ci`, `cargo xtask guide`,
//! `cargo xtask fuzz`, `cargo xtask costs`, `cargo xtask instructions`, `cargo xtask bench-peers`, `cargo xtask throughput`,
//! `cargo xtask deny`; and for systems on AWS `cargo xtask package`, `cargo xtask deploy-local`, `cargo xtask destroy-local`, `cargo xtask sandbox`,
//! `cargo xtask templates`.
//!
//! Everything that a contributor or a build server has to run is a command here, so that both run
//! the same thing. The modules: `test`, `ci`, `guide`, `fuzz`, `instructions`, `peers`, `package`, `sandbox` and `templates` are
//! commands, `process` starts programs, `examples` compiles those of the examples, `tools` installs others,
//! `servers` has those that tests need, `summary` reads what test runners print at their end, `disk` says
//! how full it is.

mod ci;
mod disk;
mod examples;
mod fuzz;
mod guide;
mod instructions;
mod package;
mod peers;
mod process;
mod sandbox;
mod servers;
mod summary;
mod templates;
mod test;
mod tools;

use std::{error::Error, ffi::OsString, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{examples::Example, package::Architecture, sandbox::Stack};

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
    /// Sets up whatever the tests need: the example programs that the end-to-end tests start, those of
    /// functions among them, and ministack and kinesis-local, servers with AWS's interfaces, which the tests of
    /// the dispensary's pipeline and of deployed systems need and on which those of the AWS backends run once
    /// more (Python 3 and Node install them below target/tools on first use). Uses cargo-nextest when it is
    /// installed, `cargo test` otherwise.
    /// Fails when a test failed, and when none ran.
    Test {
        /// Arguments for the test runner, such as a test's name; the doc tests do not get them, and
        /// nothing runs once more on a server.
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Run everything that a change has to pass: formatting, lints, docs, benches, instructions, guide,
    /// templates, fuzzing, tests.
    ///
    /// Removes what no later step needs, and says after each how much of the disk is free.
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
    /// Count the instructions of the hot paths, and compare them with the accepted counts.
    ///
    /// By valgrind's callgrind, so they do not depend on what else the machine does. Fails when a path takes over 2 %
    /// more than benches/instructions/accepted.toml says, and when it takes over 2 % less, which should be accepted.
    /// Counts of another compiler, target, C library, valgrind or processor without AVX2 are not compared. The profiles are in target/instructions.
    Instructions {
        /// Write what is counted as the accepted counts.
        #[arg(long)]
        accept: bool,
        /// Install valgrind with apt-get when it is missing; where that cannot be done, say so and count nothing.
        #[arg(long)]
        install_valgrind: bool,
    },
    /// Print how fast replay and commands are beside other libraries, with ratios to what has to be done at least.
    ///
    /// Each library does the same workloads, in a program of its own that is compiled from its own lock file;
    /// the first time takes minutes. All take their turns in the same rounds. Fails when a library came to other
    /// states than all others.
    BenchPeers(peers::Options),
    /// Print how fast commits are published to Kinesis and consumed, and messages by way of SNS and SQS, beside
    /// what the plain APIs do.
    ///
    /// Measured on ministack, a local server, which Python 3 installs below target/tools on first use; the
    /// first run compiles an optimised build of the AWS SDK, which takes minutes.
    Throughput,
    /// Compile the functions of an example for AWS Lambda, into target/lambda/EXAMPLE/bootstrap.
    ///
    /// Uses cargo-lambda and Zig, which Python 3 installs below target/tools on first use (a download of
    /// 100 MB, 0.5 GB on the disk), and the profile `lambda`: an optimised build of the AWS SDK, which takes
    /// minutes. The code is then where the template looks for it: `sam deploy` takes it from there.
    Package {
        /// The example: the name of its folder in examples/.
        example: String,
        /// The processors that the functions will run on, as the template's parameter `Architecture` says.
        #[arg(long, value_enum, default_value_t = Architecture::Arm64)]
        arch: Architecture,
        /// A profile of Cargo.toml.
        #[arg(long, default_value = package::PROFILE, conflicts_with = "local")]
        profile: String,
        /// Compile with plain cargo for this machine instead, without optimisation, as deploy-local and the
        /// tests do.
        #[arg(long, conflicts_with = "arch")]
        local: bool,
    },
    /// Deploy an example's template on this machine, or update what is deployed.
    ///
    /// The SAM command line deploys examples/EXAMPLE/template.json, as it would to AWS, to ministack, a local
    /// server, which is started and goes on until `cargo xtask sandbox stop`; Python 3 installs both below
    /// target/tools on first use. Nothing leaves this machine, and no account in AWS is asked.
    DeployLocal(Deployment),
    /// Delete what deploy-local has deployed, and tell what remains.
    DestroyLocal {
        /// The example: the name of its folder in examples/.
        example: String,
        /// The name of the stack, if it is not that of the example.
        #[arg(long)]
        stack: Option<String>,
    },
    /// Deploy an example on this machine and watch it: commits, queues, and what functions complain about.
    ///
    /// Deploys as deploy-local does. Ctrl-C ends the view; the server and its stacks go on.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Sandbox {
        #[command(flatten)]
        deployment: Option<Deployment>,
        #[command(subcommand)]
        command: Option<SandboxCommand>,
    },
    /// Write the examples' templates of CloudFormation anew, and check them.
    ///
    /// By cfn-lint, `sam validate --lint` and checkov, which Python 3 installs below target/tools on first use
    /// (0.5 GB); none of them asks AWS. What checkov may find is in examples/checkov-exceptions.txt.
    Templates {
        /// The examples whose templates are written anew [default: all that have one].
        examples: Vec<String>,
        /// Write nothing: check what is there.
        #[arg(long, conflicts_with = "examples")]
        check: bool,
    },
    /// Check licences, advisories, bans and sources of all dependencies with cargo-deny.
    Deny,
}

/// What is deployed on this machine.
#[derive(Debug, Args)]
struct Deployment {
    /// The example: the name of its folder in examples/.
    example: String,
    /// The name of the stack, with which the names of all that is in it begin [default: the example's].
    #[arg(long)]
    stack: Option<String>,
    /// A parameter of the template, as LogRetentionDays=1; may be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = named_value)]
    parameters: Vec<String>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum SandboxCommand {
    /// Stop the local server. Its stacks are gone with it: it keeps them in memory.
    Stop,
    /// Stop the local server, and remove what it has written and all packaged programs.
    Clean,
}

impl Deployment {
    fn stack(&self) -> Result<Stack, Box<dyn Error>> {
        Stack::of(&self.example, self.stack.clone())
    }
}

fn named_value(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("it is no NAME=VALUE".to_owned()),
    }
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
        Command::Instructions { accept, install_valgrind } => {
            instructions::run(instructions::Options { accept, install_valgrind })?
        }
        Command::BenchPeers(options) => peers::run(&options).map(|()| ExitCode::SUCCESS)?,
        Command::Throughput => throughput()?,
        Command::Package { example, local: true, .. } => {
            package::for_this_machine(&Example::named(&example)?)?;
            ExitCode::SUCCESS
        }
        Command::Package { example, arch, profile, local: false } => {
            package::for_lambda(&Example::named(&example)?, arch, &profile)?;
            ExitCode::SUCCESS
        }
        Command::DeployLocal(deployment) => {
            sandbox::deploy_local(&deployment.stack()?, &deployment.parameters)?;
            ExitCode::SUCCESS
        }
        Command::DestroyLocal { example, stack } => {
            sandbox::destroy_local(&Stack::of(&example, stack)?)?;
            ExitCode::SUCCESS
        }
        Command::Sandbox { deployment, command } => {
            match (deployment, command) {
                (_, Some(SandboxCommand::Stop)) => sandbox::stop()?,
                (_, Some(SandboxCommand::Clean)) => sandbox::clean()?,
                (Some(deployment), None) => {
                    sandbox::watch(&deployment.stack()?, &deployment.parameters)?;
                }
                (None, None) => return Err("an example, `stop` or `clean`".into()),
            }
            ExitCode::SUCCESS
        }
        Command::Templates { examples, check } => {
            if !check {
                templates::write(&examples)?;
            }
            templates::check()?;
            ExitCode::SUCCESS
        }
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

#[cfg(test)]
mod tests;
