use super::*;

fn exceptions(text: &str) -> Exceptions {
    Exceptions::parse(text).expect("exceptions with reasons")
}

fn finding(check: &str, resource: &str) -> Finding {
    Finding {
        check: check.to_owned(),
        what: "Ensure it".to_owned(),
        file: "/examples/orders/template.json".to_owned(),
        resource: resource.to_owned(),
    }
}

#[test]
fn an_exception_without_a_reason_is_none() {
    for line in ["CKV_1", "CKV_1   ", "CKV_1 AWS::SQS::Queue: "] {
        Exceptions::parse(line).expect_err(line);
    }
}

#[test]
fn a_finding_is_told_with_its_template_and_resource() {
    let complaints = exceptions("").complaints(&[finding("CKV_1", "AWS::SQS::Queue.Work")]);
    assert_eq!(
        complaints,
        ["CKV_1 in examples/orders/template.json: AWS::SQS::Queue.Work: Ensure it"]
    );
}

#[test]
fn an_exception_allows_what_it_names() {
    let all = exceptions("# why\n\nCKV_1 not of use here: see there");
    assert!(all.complaints(&[finding("CKV_1", "AWS::SQS::Queue.Work")]).is_empty());
}

#[test]
fn an_exception_for_some_resources_does_not_allow_others() {
    let queues = exceptions("CKV_1 AWS::SQS::Queue: they are small");
    let findings =
        [finding("CKV_1", "AWS::SQS::Queue.Work"), finding("CKV_1", "AWS::S3::Bucket.B")];
    let complaints = queues.complaints(&findings);
    assert_eq!(complaints.len(), 1);
    assert!(complaints[0].contains("AWS::S3::Bucket.B"), "{complaints:?}");
}

#[test]
fn an_exception_that_nothing_needs_is_told() {
    let complaints = exceptions("CKV_2 once it was").complaints(&[]);
    assert_eq!(complaints, ["CKV_2  is an exception, and nothing is found that needs it"]);
}
