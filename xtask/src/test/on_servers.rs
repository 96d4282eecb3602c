//! The local servers: how tests find them, and the tests of the AWS backends that run once more on each.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use super::runner::Runner;
use crate::{
    examples::WHOLE_WORKSPACE,
    process,
    servers::{KINESIS_LOCAL, MINISTACK, Server},
};

/// A server, and what runs on it.
pub(super) struct OnServer {
    pub(super) server: &'static Server,
    /// The variable that names the server to all tests: a few need one, as no other will do.
    pub(super) variable: &'static str,
    pub(super) suites: &'static [Suite],
}

/// Tests of one package.
pub(super) struct Suite {
    /// What the report calls them.
    pub(super) name: &'static str,
    package: &'static str,
    /// Which of the package's test targets take part.
    targets: fn(&str) -> bool,
    /// The variable that names the server to them.
    variable: &'static str,
    /// How many run at once, where it is not as many as there are processors: those that wait for the time of
    /// a server do nothing meanwhile.
    at_once: Option<u8>,
    disagreements: &'static [Disagreement],
}

/// Tests that the server fails, because it is not as the service: a part of their names, and the
/// reason.
type Disagreement = (&'static str, &'static str);

pub(super) const ON_SERVERS: [OnServer; 2] = [
    OnServer {
        server: &MINISTACK,
        variable: "ES_TEST_ENDPOINT_AWS",
        suites: &[
            Suite {
                name: "es-dynamodb on ministack",
                package: "es-dynamodb",
                targets: |target| target != WITHOUT_NETWORK,
                variable: "ES_TEST_ENDPOINT_DYNAMODB",
                at_once: None,
                disagreements: &DYNAMODB_OF_MINISTACK,
            },
            Suite {
                name: "es-kinesis on ministack",
                package: "es-kinesis",
                targets: |target| target == ANY_SERVICE,
                variable: "ES_TEST_ENDPOINT_KINESIS",
                at_once: None,
                disagreements: &KINESIS_OF_MINISTACK,
            },
            Suite {
                name: "es-eventbridge on ministack",
                package: "es-eventbridge",
                targets: |target| target == ANY_SERVICE,
                variable: "ES_TEST_ENDPOINT_EVENTBRIDGE",
                at_once: None,
                disagreements: &[],
            },
            Suite {
                name: "es-sns-sqs on ministack",
                package: "es-sns-sqs",
                targets: |target| target == ANY_SERVICE,
                variable: "ES_TEST_ENDPOINT_SNS_SQS",
                at_once: Some(8),
                disagreements: &[],
            },
        ],
    },
    OnServer {
        server: &KINESIS_LOCAL,
        variable: "ES_TEST_ENDPOINT_AWS_KINESIS",
        suites: &[Suite {
            name: "es-kinesis on kinesis-local",
            package: "es-kinesis",
            targets: |target| target == ANY_SERVICE,
            variable: "ES_TEST_ENDPOINT_KINESIS_RESHARDING",
            at_once: None,
            disagreements: &[],
        }],
    },
];

/// The target of `es-dynamodb` whose server is in its tests, whatever other one there is.
const WITHOUT_NETWORK: &str = "whole_system";
/// The target of `es-eventbridge`, `es-kinesis` and `es-sns-sqs` whose tests ask for nothing but the API; all others bring
/// a server.
const ANY_SERVICE: &str = "service";

/// Of ministack 1.5.33.
const DYNAMODB_OF_MINISTACK: [Disagreement; 7] = [
    ("loading_a_thousand_commits_without_snapshots_is_a_read_unit_for_four_kilobytes", FLAT_READS),
    ("reading::a_stream_above_a_megabyte_is_read_whole_and_every_page_is_charged", FLAT_READS),
    ("costs::a_step_costs_two_requests", FLAT_READS),
    ("costs::a_letter_costs_up_to_three_items", FLAT_READS),
    ("costs::what_was_not_seen_is_read", FLAT_READS),
    ("costs::a_document_is_read_for_two_units", FLAT_READS),
    ("costs::projecting_a_commit_costs_a_read_and_a_write_of_each_item", FLAT_READS),
];
const FLAT_READS: &str = "its read units do not go by what was read";

/// Of ministack 1.5.33.
const KINESIS_OF_MINISTACK: [Disagreement; 1] =
    [("resharding", "a shard that splits or merges is gone, with what was not read")];

impl Suite {
    /// What runs the tests on the server at `endpoint`; `None` when there are none, as when a target has
    /// another name by now.
    pub(super) fn command(&self, runner: Runner, endpoint: &str) -> Option<Command> {
        let targets = self.targets();
        if targets.is_empty() {
            return None;
        }
        // Of the whole workspace, as before, so that nothing is compiled anew.
        let mut tests = runner.command(WHOLE_WORKSPACE);
        for target in targets {
            tests.args(["--test", &target]);
        }
        let at_once = self.at_once.map(|at_once| format!("--test-threads={at_once}"));
        let left_out = self.disagreements.iter().map(|(test, _)| *test);
        match runner {
            Runner::Nextest => {
                let left_out: String = left_out.map(|test| format!(" - test({test})")).collect();
                tests.args(at_once);
                tests.args(["-E", &format!("package({}){left_out}", self.package)]);
            }
            // Targets of other packages with the same names run along.
            Runner::Libtest => {
                tests.arg("--").args(at_once).args(left_out.flat_map(|test| ["--skip", test]));
            }
        }
        tests.env(self.variable, endpoint);
        Some(tests)
    }

    /// Says which tests are left out, and why.
    pub(super) fn print_disagreements(&self) {
        for (test, reason) in self.disagreements {
            println!("==> {} leaves out {test}: {reason}", self.name);
        }
    }

    fn targets(&self) -> Vec<String> {
        let takes_part = |target: &String| (self.targets)(target);
        test_targets(self.package).into_iter().filter(takes_part).collect()
    }
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

#[cfg(test)]
mod tests;
