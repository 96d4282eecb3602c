//! `cargo xtask test`: every test of the workspace, those of the AWS backends on two servers, and one
//! line that says how they ended.

use std::{
    collections::BTreeSet,
    error::Error as StdError,
    ffi::OsString,
    fmt, fs,
    path::PathBuf,
    process::{Command, ExitCode, ExitStatus},
};

use crate::{
    ministack::{self, Ministack},
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

/// What keeps the tests from running.
#[derive(Debug)]
pub(crate) enum Error {
    /// The workspace does not build, or a runner cannot be started.
    Process(process::Error),
    /// The second server is not there.
    Ministack(ministack::Error),
}

/// Runs all tests and then all doc tests, these also when tests failed, so that one run tells all. At
/// last come the tests of the AWS backends on ministack, unless `arguments` ask for certain tests.
///
/// `arguments` go to the runner of the tests, not to that of the doc tests: cargo-nextest's are
/// not those of `cargo test`.
///
/// # Errors
///
/// [`Error`]. A failed test is no error but part of the report.
pub(crate) fn run(arguments: &[OsString]) -> Result<Report, Error> {
    set_up()?;
    let mut report = Report::default();
    let runner = Runner::installed();

    let mut tests = runner.command();
    tests.args(WHOLE_WORKSPACE).args(arguments);
    report.add(TESTS, tests, runner.summary())?;

    let mut doc_tests = process::cargo(["test", "--no-fail-fast", "--doc"]);
    doc_tests.args(WHOLE_WORKSPACE);
    report.add(DOC_TESTS, doc_tests, summary::of_libtest)?;

    if arguments.is_empty() {
        let ministack = Ministack::start()?;
        let read = |output: &str| runner.summary()(output).map(without_other_packages);
        report.add(ON_MINISTACK, on_ministack(runner, &ministack), read)?;
        if !report.succeeded() {
            println!("\n==> ministack printed, at last:\n{}", ministack.last_lines());
        }
    }
    Ok(report)
}

/// What runs tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runner {
    Nextest,
    Libtest,
}

impl Runner {
    fn installed() -> Self {
        match process::succeeds_quietly(process::cargo(["nextest", "--version"])) {
            true => Self::Nextest,
            false => Self::Libtest,
        }
    }

    fn command(self) -> Command {
        match self {
            Self::Nextest => process::cargo(["nextest", "run", "--no-fail-fast"]),
            // `--tests` leaves out the doc tests, which have their own turn.
            Self::Libtest => process::cargo(["test", "--no-fail-fast", "--tests"]),
        }
    }

    fn summary(self) -> fn(&str) -> Option<Summary> {
        match self {
            Self::Nextest => summary::of_nextest,
            Self::Libtest => summary::of_libtest,
        }
    }
}

/// Tests of `es-dynamodb` that ministack 1.5.33 fails, and where it is not as DynamoDB. All others run
/// on it.
const DISAGREEMENTS: [(&str, &str); 7] = [
    ("loading_a_thousand_commits_without_snapshots_is_a_read_unit_for_four_kilobytes", FLAT_READS),
    ("reading::a_stream_above_a_megabyte_is_read_whole_and_every_page_is_charged", FLAT_READS),
    ("costs::a_step_costs_two_requests", FLAT_READS),
    ("costs::a_letter_costs_up_to_three_items", FLAT_READS),
    ("costs::what_was_not_seen_is_read", FLAT_READS),
    ("costs::a_document_is_read_for_two_units", FLAT_READS),
    ("costs::projecting_a_commit_costs_a_read_and_a_write_of_each_item", FLAT_READS),
];
/// The target whose server is in its tests, whatever other one there is.
const WITHOUT_NETWORK: &str = "whole_system";
const FLAT_READS: &str = "its read units do not go by what was read";

/// The tests of `es-dynamodb` once more, on another server than its own.
fn on_ministack(runner: Runner, ministack: &Ministack) -> Command {
    println!("\n==> ministack is not as DynamoDB for these tests, which are left out:");
    for (test, reason) in DISAGREEMENTS {
        println!("    {test}: {reason}");
    }
    let mut tests = match runner {
        Runner::Nextest => process::cargo(["nextest", "run", "--no-fail-fast"]),
        Runner::Libtest => process::cargo(["test", "--no-fail-fast"]),
    };
    // Of the whole workspace, as before, so that nothing is compiled anew.
    tests.args(WHOLE_WORKSPACE);
    for target in test_targets("es-dynamodb") {
        if target != WITHOUT_NETWORK {
            tests.args(["--test", &target]);
        }
    }
    let left_out = DISAGREEMENTS.iter().map(|(test, _)| *test);
    match runner {
        Runner::Nextest => {
            let left_out: String = left_out.map(|test| format!(" - test(={test})")).collect();
            tests.args(["-E", &format!("package(es-dynamodb){left_out}")]);
        }
        // Targets of other packages with the same names run along.
        Runner::Libtest => {
            tests.args(["--", "--exact"]);
            tests.args(left_out.flat_map(|test| ["--skip", test]));
        }
    }
    tests.env("ES_TEST_ENDPOINT_DYNAMODB", &ministack.endpoint);
    tests
}

/// What is skipped is what is left out: the runner counts what it sees of other packages, too.
fn without_other_packages(summary: Summary) -> Summary {
    let skipped = DISAGREEMENTS.len() as u64;
    Summary { tally: Tally { skipped, ..summary.tally }, ..summary }
}

/// The names of a package's test targets: the files and folders that cargo finds by itself.
fn test_targets(package: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(process::root().join(package).join("tests"));
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    let is_target = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "rs")
            || path.join("main.rs").is_file()
    };
    let name = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    paths.filter(is_target).filter_map(name).collect()
}

/// The same for all commands, so that nothing is compiled twice.
const WHOLE_WORKSPACE: [&str; 2] = ["--workspace", "--all-features"];

const TESTS: &str = "tests";
const DOC_TESTS: &str = "doc tests";
const ON_MINISTACK: &str = "tests on ministack";

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

impl From<process::Error> for Error {
    fn from(error: process::Error) -> Self {
        Self::Process(error)
    }
}

impl From<ministack::Error> for Error {
    fn from(error: ministack::Error) -> Self {
        Self::Ministack(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(error) => error.fmt(f),
            Self::Ministack(error) => error.fmt(f),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Process(error) => error.source(),
            Self::Ministack(error) => error.source(),
        }
    }
}

#[cfg(test)]
mod tests;
