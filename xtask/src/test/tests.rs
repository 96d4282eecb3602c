use super::*;

/// Exit codes come from a real program: the type has no portable constructor.
fn exit(success: bool) -> ExitStatus {
    let argument = if success { "--version" } else { "no-such-command" };
    process::cargo([argument]).output().expect("cargo runs").status
}

fn summary(line: &str, passed: u64, failed: u64) -> Option<Summary> {
    Some(Summary { line: line.to_owned(), tally: Tally { passed, failed, skipped: 1 } })
}

#[test]
fn the_report_ends_with_the_total_alone_on_its_line() {
    let mut report = Report::default();
    report.take(TESTS, "run", exit(true), summary("Summary", 3, 0));
    report.take(DOC_TESTS, "doc", exit(true), summary("test result", 2, 0));
    assert!(report.succeeded());
    assert_eq!(
        report.to_string(),
        "==> tests\nSummary\n==> doc tests\ntest result\n5 passed, 0 failed, 2 skipped"
    );
}

#[test]
fn one_failed_test_fails_the_report() {
    let mut report = Report::default();
    report.take(TESTS, "run", exit(false), summary("Summary", 3, 1));
    report.take(DOC_TESTS, "doc", exit(true), summary("test result", 2, 0));
    assert!(!report.succeeded());
    assert!(report.to_string().ends_with("5 passed, 1 failed, 2 skipped"));
}

#[test]
fn a_failed_test_counts_whatever_the_exit_code_says() {
    let mut report = Report::default();
    report.take(TESTS, "run", exit(true), summary("Summary", 3, 1));
    assert!(!report.succeeded());
}

#[test]
fn a_bad_exit_code_counts_whatever_the_numbers_say() {
    let mut report = Report::default();
    report.take(TESTS, "run", exit(false), summary("Summary", 3, 0));
    assert!(!report.succeeded());
}

#[test]
fn a_runner_without_a_summary_fails_the_report() {
    let mut report = Report::default();
    report.take(TESTS, "run", exit(true), summary("Summary", 3, 0));
    report.take(DOC_TESTS, "doc", exit(true), None);
    assert!(!report.succeeded());
}

#[test]
fn a_run_of_no_tests_is_no_success_even_when_doc_tests_ran() {
    let mut report = Report::default();
    report.take(TESTS, "run", exit(true), summary("Summary", 0, 0));
    report.take(DOC_TESTS, "doc", exit(true), summary("test result", 2, 0));
    assert_eq!(report.problems(), ["no test ran"]);
}
