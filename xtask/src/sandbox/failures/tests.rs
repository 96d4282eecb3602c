use super::*;

fn event(resource: &str, kind: &str, status: &str, reason: &str) -> String {
    format!(
        "<member><LogicalResourceId>{resource}</LogicalResourceId><ResourceType>{kind}</ResourceType>\
         <ResourceStatus>{status}</ResourceStatus><ResourceStatusReason>{reason}</ResourceStatusReason></member>"
    )
}

const STACK: &str = "AWS::CloudFormation::Stack";
const QUEUE: &str = "AWS::SQS::Queue";

#[test]
fn a_resource_that_failed_is_named_with_its_reason() {
    let events = [
        event("shop", STACK, "ROLLBACK_COMPLETE", ""),
        event("Work", QUEUE, "CREATE_FAILED", "no &quot;such&quot; key"),
        event("Dead", QUEUE, "CREATE_COMPLETE", ""),
        event("shop", STACK, "CREATE_IN_PROGRESS", ""),
    ];
    let failures = of_last_change(&events.concat(), "shop");
    let told: Vec<_> = failures.iter().map(Failure::to_string).collect();
    assert_eq!(told, ["Work (AWS::SQS::Queue): CREATE_FAILED: no \"such\" key"]);
}

#[test]
fn the_first_failure_is_told_first() {
    let events = [event("B", QUEUE, "CREATE_FAILED", "a"), event("A", QUEUE, "CREATE_FAILED", "b")];
    let failures = of_last_change(&events.concat(), "shop");
    assert_eq!(failures[0].resource, "A");
}

#[test]
fn failures_of_an_earlier_deployment_are_not_told_again() {
    let events = [
        event("shop", STACK, "UPDATE_COMPLETE", ""),
        event("shop", STACK, "UPDATE_IN_PROGRESS", ""),
        event("Work", QUEUE, "UPDATE_FAILED", "before"),
    ];
    assert_eq!(of_last_change(&events.concat(), "shop"), []);
}

/// A nested stack is a resource like any other.
#[test]
fn the_begin_of_another_stack_is_not_that_of_this_one() {
    let events = [
        event("Inner", STACK, "CREATE_IN_PROGRESS", ""),
        event("Work", QUEUE, "CREATE_FAILED", "x"),
    ];
    assert_eq!(of_last_change(&events.concat(), "shop").len(), 1);
}
