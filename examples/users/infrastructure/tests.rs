use std::collections::BTreeSet;

use super::*;
use crate::aws::inspected::Inspected;

const DEAD_RECORDS: &str = "QueueDeadRecords";

fn of_users() -> Inspected {
    Inspected(template().unwrap())
}

#[test]
fn the_template_that_is_checked_in_is_the_one_that_is_printed() {
    of_users().is_checked_in_for("users");
}

#[test]
fn whatever_the_templates_refer_to_is_there() {
    of_users().is_whole();
    Inspected(template_without_functions().unwrap()).is_whole();
}

#[test]
fn tables_are_encrypted_and_restorable_and_the_log_has_a_stream() {
    let template = of_users();
    template.tables_are_safe();
    let tables = ["events", "state", "view_user_detail_v1", "view_user_summary_v1"];
    let tables: BTreeSet<_> = tables.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(template.names("AWS::DynamoDB::Table", "TableName"), tables);
    for (name, table) in template.all("AWS::DynamoDB::Table") {
        let stream = &table["Properties"]["StreamSpecification"]["StreamViewType"];
        assert_eq!(stream == "NEW_IMAGE", name == "EventsTable", "{name}");
    }
}

#[test]
fn functions_are_bounded_and_what_they_give_up_is_kept_and_seen() {
    let template = of_users();
    template.functions_are_bounded(&[functions::API, functions::PROJECTOR]);
    template.shards_are_read_with_an_end(DEAD_RECORDS);
    template.dead_letters_are_kept_and_seen(&[DEAD_RECORDS]);
    let mappings = template.all("AWS::Lambda::EventSourceMapping");
    let [(_, of_log)] = mappings.as_slice() else { panic!("{mappings:?}") };
    let stream = json!({ "Fn::GetAtt": ["EventsTable", "StreamArn"] });
    assert_eq!(of_log["Properties"]["EventSourceArn"], stream);
}

#[test]
fn the_api_is_guarded_but_for_probes() {
    of_users().the_api_is_guarded(&["GET /health"]);
}

#[test]
fn each_function_may_do_what_it_needs_and_nobody_may_change_the_log() {
    let template = of_users();
    for role in ["ApiFunctionRole", "ProjectorFunctionRole"] {
        let expected = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"];
        let expected: BTreeSet<_> = expected.iter().map(|&action| action.to_owned()).collect();
        assert_eq!(template.allowed_on_log(role), expected, "{role}");
    }
    let may = |role: &str, action: &str, on: &str| {
        template.allowed(role).iter().any(|(it, resource)| it == action && resource.contains(on))
    };
    assert!(may("ApiFunctionRole", "dynamodb:Query", "view_*"));
    assert!(!may("ApiFunctionRole", "dynamodb:PutItem", "view_*"), "the projector writes views");
    assert!(!may("ApiFunctionRole", "dynamodb:GetRecords", ""));
    assert!(may("ProjectorFunctionRole", "dynamodb:GetRecords", "StreamArn"));
    assert!(may("ProjectorFunctionRole", "dynamodb:PutItem", "view_*"));
    assert!(may("ProjectorFunctionRole", "sqs:SendMessage", DEAD_RECORDS));
    assert!(!may("ProjectorFunctionRole", "sqs:ReceiveMessage", ""));
}

#[test]
fn programs_that_run_elsewhere_have_the_same_tables_and_a_policy() {
    let without = Inspected(template_without_functions().unwrap());
    without.tables_are_safe();
    let names = |template: &Inspected| template.names("AWS::DynamoDB::Table", "TableName");
    assert_eq!(names(&without), names(&of_users()));
    let allowed = without.allowed_on_log("WorkersPolicy");
    assert!(allowed.contains("dynamodb:PutItem"), "{allowed:?}");
    assert!(!allowed.contains("dynamodb:DeleteItem") && !allowed.contains("dynamodb:UpdateItem"));
}
