//! `cargo xtask test`: every test of the workspace, with the local servers that some of them need, those
//! of the AWS backends once more on each server, and one line that says how they ended.

mod on_servers;
mod runner;

use std::{
    ffi::OsString,
    fmt,
    process::{Command, ExitCode, ExitStatus},
};

use self::{
    on_servers::{ON_SERVERS, OnServer},
    runner::Runner,
};
use crate::{
    examples::WHOLE_WORKSPACE,
    process,
    servers::Running,
    summary::{self, Summary, Tally},
    with_causes,
};

/// How the tests of the workspace ended.
///
/// Printed, it is the closing lines of the runners, as they put them, and last, alone on its line,
/// `N passed, N failed, N skipped` for all of them together.
#[derive(Debug, Default)]
pub(crate) struct Report {
    summaries: Vec<(&'static str, Summary)>,
    problems: Vec<String>,
}

/// Runs all tests and then all doc tests, these also when tests failed, so that one run tells all. At
/// last come the tests of the AWS backends on local servers, unless `arguments` ask for certain tests.
///
/// `arguments` go to the runner of the tests, not to that of the doc tests: cargo-nextest's are
/// not those of `cargo test`.
///
/// # Errors
///
/// When the workspace does not build, and when a runner cannot be started. A failed test is no error
/// but part of the report, and so is a server that is not there: tests that need it fail, too.
pub(crate) fn run(arguments: &[OsString]) -> Result<Report, process::Error> {
    set_up()?;
    let mut report = Report::default();
    let runner = Runner::installed();
    let (servers, missing) = start_servers();
    for problem in missing {
        match arguments {
            [] => report.problems.push(problem),
            // Perhaps no test that is asked for needs it; those that do fail by themselves.
            _ => eprintln!("note: {problem}"),
        }
    }

    let mut tests = runner.command(WHOLE_WORKSPACE);
    if runner == Runner::Libtest {
        // Without the doc tests, which have their own turn.
        tests.arg("--tests");
    }
    tests.args(arguments);
    tests.envs(servers.iter().map(|(on_server, running)| (on_server.variable, &running.endpoint)));
    report.add(TESTS, tests, runner.summary())?;

    let mut doc_tests = process::cargo(["test", "--no-fail-fast", "--doc"]);
    doc_tests.args(WHOLE_WORKSPACE);
    report.add(DOC_TESTS, doc_tests, summary::of_libtest)?;

    if arguments.is_empty() {
        for (on_server, running) in &servers {
            run_on(on_server, running, runner, &mut report)?;
        }
    }
    Ok(report)
}

/// The servers, until they are dropped; and why others are missing.
fn start_servers() -> (Vec<(&'static OnServer, Running)>, Vec<String>) {
    let (mut servers, mut missing) = (Vec::new(), Vec::new());
    for on_server in &ON_SERVERS {
        match on_server.server.start() {
            Ok(running) => servers.push((on_server, running)),
            Err(error) => missing.push(with_causes(&error)),
        }
    }
    (servers, missing)
}

/// Runs the suites of a server.
fn run_on(
    on_server: &OnServer,
    running: &Running,
    runner: Runner,
    report: &mut Report,
) -> Result<(), process::Error> {
    let server = on_server.server;
    let problems_before = report.problems.len();
    for suite in on_server.suites {
        println!();
        suite.print_disagreements();
        match suite.command(runner, &running.endpoint) {
            Some(tests) => report.add(suite.name, tests, runner.summary())?,
            None => report.problems.push(format!("there are no tests for {}", suite.name)),
        }
    }
    if report.problems.len() > problems_before {
        println!("\n==> {} printed, at last:\n{}", server.tool.name, running.last_lines());
    }
    Ok(())
}

const TESTS: &str = "tests";
const DOC_TESTS: &str = "doc tests";

/// Makes what tests expect to find: the example programs, which the end-to-end tests start from
/// the target folder and which `cargo test --tests` does not build.
fn set_up() -> Result<(), process::Error> {
    let mut build = process::cargo(["build", "--examples"]);
    build.args(WHOLE_WORKSPACE);
    process::run(build)
}

impl Report {
    /// Prints the report, last of all output, and turns it into this program's exit code.
    pub(crate) fn conclude(&self) -> ExitCode {
        for problem in self.problems() {
            eprintln!("error: {problem}");
        }
        println!("\n{self}");
        if self.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Whether tests ran, and all of them passed.
    pub(crate) fn succeeded(&self) -> bool {
        self.problems().is_empty()
    }

    fn add(
        &mut self,
        name: &'static str,
        command: Command,
        read: impl Fn(&str) -> Option<Summary>,
    ) -> Result<(), process::Error> {
        let shown = process::shown(&command);
        println!("\n==> {name}: {shown}");
        let (status, output) = process::tee(command)?;
        self.take(name, &shown, status, read(&output));
        Ok(())
    }

    fn take(
        &mut self,
        name: &'static str,
        command: &str,
        status: ExitStatus,
        summary: Option<Summary>,
    ) {
        // The exit code counts beside the numbers: a test program that aborts has no numbers.
        if !status.success() {
            self.problems.push(format!("`{command}` failed ({status})"));
        }
        match summary {
            Some(summary) => {
                if summary.tally.failed > 0 && status.success() {
                    self.problems.push(format!("`{command}` succeeded in spite of failed tests"));
                }
                self.summaries.push((name, summary));
            }
            None => self.problems.push(format!("`{command}` ended without a summary")),
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = self.problems.clone();
        // Doc tests do not count here: they always run, also when a mistyped filter left no test.
        let ran = |(name, summary): &(&str, Summary)| *name == TESTS && summary.tally.ran() > 0;
        if !self.summaries.iter().any(ran) {
            problems.push("no test ran".to_owned());
        }
        problems
    }

    fn total(&self) -> Tally {
        self.summaries.iter().map(|(_, summary)| summary.tally).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, summary) in &self.summaries {
            writeln!(f, "==> {name}\n{}", summary.line)?;
        }
        write!(f, "{}", self.total())
    }
}

#[cfg(test)]
mod tests;
