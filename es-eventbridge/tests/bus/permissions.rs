//! What each role may do is what it asks for.

use std::collections::BTreeSet;

use es_eventbridge::{Role, iam_policy};
use serde_json::Value;

fn actions(roles: &[Role]) -> BTreeSet<String> {
    let policy: Value = serde_json::from_str(&iam_policy("shop", "p-", roles).unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let of_statement = |it: &Value| it["Action"].as_array().unwrap().clone();
    statements.iter().flat_map(of_statement).map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_role_gets_what_it_needs_and_no_more() {
    assert_eq!(actions(&[Role::Publish]), BTreeSet::from(["events:PutEvents".to_owned()]));
    let check = ["events:ListRules", "events:ListTagsForResource", "events:ListTargetsByRule"];
    let check = check.map(str::to_owned);
    assert_eq!(actions(&[Role::Check]), BTreeSet::from(check));
    assert_eq!(actions(&Role::ALL).len(), 4);
    assert!(actions(&[]).is_empty());
    assert!(iam_policy("a b", "", &Role::ALL).is_err());
}
