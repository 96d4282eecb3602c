use std::collections::BTreeSet;

use super::*;
use crate::aws::template_rules::{Template, is_checked_in};

fn of_users() -> Template {
    Template::checked(template().unwrap())
}

#[test]
fn the_template_that_is_checked_in_is_the_one_that_is_printed() {
    is_checked_in("users", &template().unwrap());
}

#[test]
fn programs_that_run_elsewhere_have_the_same_tables_and_a_policy() {
    let without = Template::checked(template_without_functions().unwrap());
    let tables = |template: &Template| -> BTreeSet<String> {
        let tables = template.all_of("AWS::DynamoDB::Table").into_iter();
        tables.map(|(name, _)| name.to_owned()).collect()
    };
    let both = ["EventsTable", "StateTable", "ViewUserDetailV1Table", "ViewUserSummaryV1Table"];
    assert_eq!(tables(&without), both.map(str::to_owned).into());
    assert_eq!(tables(&without), tables(&of_users()));
    assert!(without.allows("WorkersPolicy", "dynamodb:PutItem", "-events"));
    for change in ["dynamodb:DeleteItem", "dynamodb:UpdateItem"] {
        assert!(!without.allows("WorkersPolicy", change, "-events"), "nobody changes the log");
    }
}

#[test]
fn one_function_is_behind_the_log_and_keeps_both_read_models() {
    let log = json!({ "Fn::GetAtt": ["EventsTable", "StreamArn"] });
    assert_eq!(of_users().behind(&log), ["Projector"].into());
}

#[test]
fn probes_need_no_token_and_everybody_else_does() {
    assert_eq!(of_users().open_routes(), ["GET /health"].into());
}

#[test]
fn nobody_may_do_more_than_its_part_asks_for() {
    let template = of_users();
    assert_eq!(
        template.who_may("dynamodb:Query", "-view_*"),
        ["Api", "CatchUp", "Projector"].into()
    );
    assert_eq!(template.who_may("dynamodb:PutItem", "-view_*"), ["CatchUp", "Projector"].into());
    assert_eq!(
        template.who_may("dynamodb:PutItem", "-events"),
        ["Api", "CatchUp", "Projector"].into()
    );
    let stream = r#"["EventsTable","StreamArn"]}"#;
    assert_eq!(template.who_may("dynamodb:GetRecords", stream), ["Projector"].into());
    let dead_records = r#"["QueueDeadRecords","Arn"]}"#;
    assert_eq!(template.who_may("sqs:SendMessage", dead_records), ["Projector"].into());
    assert!(template.who_may("sqs:ReceiveMessage", "").is_empty());
}
