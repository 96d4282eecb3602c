use super::*;

const ENDPOINT: &str = "http://127.0.0.1:4566";

fn suite(targets: fn(&str) -> bool) -> Suite {
    Suite {
        name: "es-sqlite on a server",
        package: "es-sqlite",
        targets,
        variable: "ES_TEST_ENDPOINT",
        disagreements: &[("slow", "it is not"), ("model::first", "it is last")],
    }
}

fn shown(runner: Runner) -> String {
    process::shown(&suite(|target| target == "model").command(runner, ENDPOINT))
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
fn targets_are_files_and_folders() {
    let found = suite(|target| ["model", "view_queries", "support"].contains(&target)).targets();
    assert_eq!(found, ["model", "view_queries"]);
}

#[test]
fn a_suite_without_targets_does_not_run() {
    static NONE: [Suite; 1] = [Suite {
        name: "es-sqlite on ministack",
        package: "es-sqlite",
        targets: |target| target == "no_such_target",
        variable: "ES_TEST_ENDPOINT",
        disagreements: &[],
    }];
    assert!(OnServer { server: &MINISTACK, suites: &NONE }.suites().is_empty());
}

#[test]
fn the_tests_of_dynamodb_run_on_ministack() {
    let names: Vec<_> = ON_SERVERS.iter().flat_map(OnServer::suites).map(|it| it.name).collect();
    assert!(names.contains(&"es-dynamodb on ministack"), "{names:?}");
}
