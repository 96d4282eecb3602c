//! The files in `recorded/` are what the runners printed for a crate of a few tests. Its failing
//! test prints false closing lines of both runners, which must not be counted.

use super::*;

fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
    Tally { passed, failed, skipped }
}

#[test]
fn nextest_all_passed() {
    let summary = of_nextest(include_str!("../../recorded/nextest-passed.txt"));
    let summary = summary.expect("a summary");
    assert_eq!(summary.tally, tally(2, 0, 1));
    assert!(summary.line.starts_with("Summary ["), "{}", summary.line);
    assert!(summary.line.ends_with("] 2 tests run: 2 passed, 1 skipped"), "{}", summary.line);
}

#[test]
fn nextest_with_a_failure_and_colours() {
    let summary = of_nextest(include_str!("../../recorded/nextest-failed-colour.txt"));
    let summary = summary.expect("a summary");
    assert_eq!(summary.tally, tally(2, 1, 1));
    assert!(
        summary.line.ends_with("] 3 tests run: 2 passed, 1 failed, 1 skipped"),
        "{}",
        summary.line
    );
}

#[test]
fn a_test_that_nextest_timed_out_is_a_failed_one() {
    let summary = of_nextest(include_str!("../../recorded/nextest-timeout.txt"));
    assert_eq!(summary.expect("a summary").tally, tally(3, 1, 1));
}

#[test]
fn nextest_with_nothing_to_run() {
    let summary = of_nextest(include_str!("../../recorded/nextest-none.txt"));
    let summary = summary.expect("a summary");
    assert_eq!(summary.tally, tally(0, 0, 4));
    assert_eq!(summary.tally.ran(), 0);
}

#[test]
fn nextest_that_could_not_build_has_no_summary() {
    let summary = of_nextest(include_str!("../../recorded/nextest-broken.txt"));
    assert_eq!(summary, None);
}

#[test]
fn the_words_in_parentheses_are_no_results_of_their_own() {
    let output = "Summary [ 9.1s] 5/7 tests run: 3 passed (2 slow, 1 leaky), 1 failed \
                  (1 due to being leaky), 1 exec failed, 2 skipped";
    assert_eq!(of_nextest(output).expect("a summary").tally, tally(3, 2, 2));
}

#[test]
fn libtest_results_of_all_programs_are_summed() {
    let summary = of_libtest(include_str!("../../recorded/libtest-passed.txt"));
    let summary = summary.expect("a summary");
    assert_eq!(summary.tally, tally(2, 0, 1));
    assert_eq!(
        summary.line,
        "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out"
    );
}

#[test]
fn libtest_with_a_failure_and_colours() {
    let summary = of_libtest(include_str!("../../recorded/libtest-failed-colour.txt"));
    let summary = summary.expect("a summary");
    assert_eq!(summary.tally, tally(2, 1, 1));
    assert_eq!(
        summary.line,
        "test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out"
    );
}

#[test]
fn doc_tests_come_in_two_programs_when_some_are_not_merged() {
    let passed = of_libtest(include_str!("../../recorded/doctest-passed.txt"));
    assert_eq!(passed.expect("a summary").tally, tally(3, 0, 1));
    let failed = of_libtest(include_str!("../../recorded/doctest-failed-colour.txt"));
    assert_eq!(failed.expect("a summary").tally, tally(2, 1, 1));
}

#[test]
fn output_without_results_has_no_summary() {
    assert_eq!(of_libtest(""), None);
    assert_eq!(of_nextest(""), None);
    let aborted = "running 2 tests\ntest a ... ok\nerror: test failed";
    assert_eq!(of_libtest(aborted), None);
}

#[test]
fn what_was_filtered_out_was_skipped() {
    let output = "running 1 test\ntest result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; \
                  3 filtered out; finished in 0.00s";
    assert_eq!(of_libtest(output).expect("a summary").tally, tally(1, 0, 5));
}

#[test]
fn totals_are_one_plain_line() {
    let total: Tally = [tally(1, 2, 3), tally(10, 20, 30)].into_iter().sum();
    assert_eq!(total.to_string(), "11 passed, 22 failed, 33 skipped");
}

#[test]
fn terminal_control_is_removed() {
    assert_eq!(plain("\u{1b}[1m\u{1b}[92mok\u{1b}[0m\r\n"), "ok\n");
    assert_eq!(plain("\u{1b}[32mok\u{1b}(B\u{1b}[m\u{f}."), "ok.");
    assert_eq!(plain("cut off\u{1b}[3"), "cut off");
}
