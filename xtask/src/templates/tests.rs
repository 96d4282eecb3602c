use super::*;

const REPORT: &str = r#"{
    "results": { "failed_checks": [{
        "check_id": "CKV_AWS_27",
        "check_name": "Ensure all data stored in the SQS queue is encrypted",
        "file_path": "/examples/orders/template.json",
        "resource": "AWS::SQS::Queue.Work"
    }] },
    "summary": { "failed": 1, "parsing_errors": 0, "resource_count": 8 }
}"#;

#[test]
fn what_checkov_finds_is_read() {
    let findings = findings(REPORT).expect("a report");
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].check, "CKV_AWS_27");
    assert_eq!(findings[0].resource, "AWS::SQS::Queue.Work");
}

/// It prints the numbers alone when it knows nothing of what it was given.
#[test]
fn a_check_of_nothing_is_no_success() {
    for report in [
        r#"{ "passed": 0, "failed": 0, "resource_count": 0 }"#,
        &REPORT.replace("\"resource_count\": 8", "\"resource_count\": 0"),
        &REPORT.replace("\"parsing_errors\": 0", "\"parsing_errors\": 1"),
        "no JSON",
    ] {
        findings(report).expect_err(report);
    }
}

#[test]
fn the_exceptions_are_written_with_reasons() {
    let text = fs::read_to_string(process::root().join(EXCEPTIONS)).expect("a file");
    Exceptions::parse(&text).expect("exceptions with reasons");
}

#[test]
fn checkov_is_not_told_where_the_workspace_lies() {
    let templates = [Example::named("orders").expect("an example").template()];
    let checkov = checkov(Path::new("/tools/checkov"), &templates).expect("a command");
    let files: Vec<_> = checkov.get_args().skip_while(|argument| *argument != "--file").collect();
    assert_eq!(files, ["--file", "examples/orders/template.json"]);
}
