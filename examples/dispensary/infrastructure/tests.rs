use std::collections::BTreeSet;

use super::*;
use crate::aws::template_rules::{Template, is_checked_in};

fn of_dispensary() -> Template {
    Template::checked(template().unwrap())
}

#[test]
fn the_template_that_is_checked_in_is_the_one_that_is_printed() {
    is_checked_in("dispensary", &template().unwrap());
}

#[test]
fn programs_that_run_elsewhere_have_the_same_data_and_a_policy() {
    let without = Template::checked(template_without_functions().unwrap());
    let data = |template: &Template| -> BTreeSet<String> {
        let kinds = ["AWS::DynamoDB::Table", "AWS::Kinesis::Stream"];
        let all = kinds.iter().flat_map(|kind| template.all_of(kind));
        all.map(|(name, _)| name.to_owned()).collect()
    };
    let both = [
        "EventsTable",
        "StateTable",
        "Stream",
        "ViewDispenseDetailV1Table",
        "ViewDispenseListV1Table",
    ];
    assert_eq!(data(&without), both.map(str::to_owned).into());
    assert_eq!(data(&without), data(&of_dispensary()));
    assert!(without.allows("WorkersPolicy", "dynamodb:PutItem", "-events"));
    for change in ["dynamodb:DeleteItem", "dynamodb:UpdateItem"] {
        assert!(!without.allows("WorkersPolicy", change, "-events"), "nobody changes the log");
    }
}

#[test]
fn the_log_is_read_by_the_publisher_and_the_data_stream_by_everybody_else() {
    let template = of_dispensary();
    let log = json!({ "Fn::GetAtt": ["EventsTable", "StreamArn"] });
    assert_eq!(template.behind(&log), ["Publisher"].into());
    let published = json!({ "Fn::GetAtt": ["Stream", "Arn"] });
    assert_eq!(template.behind(&published), ["Analyst", "Details", "List"].into());
}

#[test]
fn probes_need_no_token_and_everybody_else_does() {
    assert_eq!(of_dispensary().open_routes(), ["GET /health"].into());
}

#[test]
fn prescriptions_are_put_by_the_api_and_read_by_those_who_analyze_them_and_by_nobody_else() {
    let template = of_dispensary();
    assert_eq!(template.all_of("AWS::S3::Bucket").len(), 1);
    let files = "-prescriptions-${AWS::AccountId}/*";
    assert_eq!(template.who_may("s3:PutObject", files), ["Api"].into());
    assert_eq!(template.who_may("s3:GetObject", files), ["Analyst", "CatchUp"].into());
    // Who may not list is told of a file that is not there that it may not be read, for ever.
    assert_eq!(
        template.who_may("s3:ListBucket", "-prescriptions-${AWS::AccountId}"),
        ["Analyst", "CatchUp"].into()
    );
    // Programs that run elsewhere do what functions do: one that tries dead letters again analyzes.
    for action in ["s3:GetObject", "s3:PutObject"] {
        assert!(template.allows("WorkersPolicy", action, files), "{action}");
        assert!(!template.allows("OperatorsPolicy", action, files), "{action}");
    }
}

#[test]
fn nobody_may_do_more_than_its_part_asks_for() {
    let template = of_dispensary();
    let everybody = ["Analyst", "Api", "CatchUp", "Details", "List", "Publisher"].into();
    assert_eq!(template.who_may("dynamodb:Query", "-events"), everybody);
    assert_eq!(
        template.who_may("dynamodb:PutItem", "-view_*"),
        ["CatchUp", "Details", "List"].into()
    );
    assert_eq!(
        template.who_may("dynamodb:Query", "-view_*"),
        ["Api", "CatchUp", "Details", "List"].into()
    );
    let stream = r#"["EventsTable","StreamArn"]}"#;
    assert_eq!(template.who_may("dynamodb:GetRecords", stream), ["Publisher"].into());
    let readers = template.who_may("kinesis:GetRecords", r#"["Stream","Arn"]}"#);
    assert_eq!(readers, ["Analyst", "Details", "List"].into());
    assert_eq!(
        template.who_may("kinesis:PutRecords", ":stream/${AWS::StackName}-events"),
        ["CatchUp", "Publisher"].into()
    );
    let buriers = template.who_may("sqs:SendMessage", r#"["QueueDeadRecords","Arn"]}"#);
    assert_eq!(buriers, ["Analyst", "Details", "List", "Publisher"].into());
    assert!(template.who_may("sqs:ReceiveMessage", "").is_empty());
}
