//! `cargo xtask test`: every test of the workspace, and one line that says how they ended.

use std::{
    ffi::OsString,
    fmt,
    process::{Command, ExitCode, ExitStatus},
};

use crate::{
    process,
    summary::{self, Summary, Tally},
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

/// Runs all tests and then all doc tests, these also when tests failed, so that one run tells all.
///
/// `arguments` go to the runner of the tests, not to that of the doc tests: cargo-nextest's are
/// not those of `cargo test`.
///
/// # Errors
///
/// When the workspace does not build or a program cannot be started. A failed test is no error but
/// part of the report.
pub(crate) fn run(arguments: &[OsString]) -> Result<Report, process::Error> {
    set_up()?;
    let mut report = Report::default();

    if process::succeeds_quietly(process::cargo(["nextest", "--version"])) {
        let mut nextest = process::cargo(["nextest", "run", "--no-fail-fast"]);
        nextest.args(WHOLE_WORKSPACE).args(arguments);
        report.add(TESTS, nextest, summary::of_nextest)?;
    } else {
        // `--tests` leaves out the doc tests, which have their own turn.
        let mut libtest = process::cargo(["test", "--no-fail-fast", "--tests"]);
        libtest.args(WHOLE_WORKSPACE).args(arguments);
        report.add(TESTS, libtest, summary::of_libtest)?;
    }

    let mut doc_tests = process::cargo(["test", "--no-fail-fast", "--doc"]);
    doc_tests.args(WHOLE_WORKSPACE);
    report.add(DOC_TESTS, doc_tests, summary::of_libtest)?;
    Ok(report)
}

/// The same for all commands, so that nothing is compiled twice.
const WHOLE_WORKSPACE: [&str; 2] = ["--workspace", "--all-features"];

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
        read: fn(&str) -> Option<Summary>,
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
