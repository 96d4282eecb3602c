use super::*;

const ENDPOINT: &str = "http://127.0.0.1:4566";

fn suite(targets: fn(&str) -> bool) -> Suite {
    Suite {
        name: "es-sqlite on a server",
        package: "es-sqlite",
        targets,
        variable: "ES_TEST_ENDPOINT",
        at_once: None,
        disagreements: &[("slow", "it is not"), ("model::first", "it is last")],
    }
}

fn shown(runner: Runner) -> String {
    let tests = suite(|target| target == "model").command(runner, ENDPOINT);
    process::shown(&tests.expect("there is one target"))
}

#[test]
fn nextest_runs_the_package_without_the_disagreements() {
    let expected = "ES_TEST_ENDPOINT=http://127.0.0.1:4566 cargo nextest run --no-fail-fast --workspace \
         --all-features --test model \
         -E 'package(es-sqlite) - test(slow) - test(model::first)'";
    assert_eq!(shown(Runner::Nextest), expected);
}

#[test]
fn libtest_runs_the_targets_without_the_disagreements() {
    let expected = "ES_TEST_ENDPOINT=http://127.0.0.1:4566 cargo test --no-fail-fast --workspace \
         --all-features --test model -- --skip slow --skip model::first";
    assert_eq!(shown(Runner::Libtest), expected);
}

#[test]
fn tests_that_mostly_wait_are_many_at_once() {
    for (runner, expected) in [
        (Runner::Nextest, "--test model --test-threads=8 -E 'package(es-sqlite)"),
        (Runner::Libtest, "--test model -- --test-threads=8 --skip slow"),
    ] {
        let suite = Suite { at_once: Some(8), ..suite(|target| target == "model") };
        let tests = suite.command(runner, ENDPOINT).expect("there is one target");
        let shown = process::shown(&tests);
        assert!(shown.contains(expected), "{shown}");
    }
}

#[test]
fn targets_are_files_and_folders() {
    let found = suite(|target| ["model", "view_queries", "support"].contains(&target)).targets();
    assert_eq!(found, ["model", "view_queries"]);
}

#[test]
fn a_suite_without_targets_runs_nothing_and_is_told() {
    let none = suite(|target| target == "no_such_target");
    assert!(none.command(Runner::Nextest, ENDPOINT).is_none());
}

#[test]
fn every_suite_has_targets() {
    for suite in ON_SERVERS.iter().flat_map(|on_server| on_server.suites) {
        assert!(suite.command(Runner::Nextest, ENDPOINT).is_some(), "{}", suite.name);
    }
}
