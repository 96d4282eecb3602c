//! What a program may do, as IAM policies.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use serde_json::{Value, json};

/// What a role needs: actions of the service, as `GetItem`, on a kind of resource.
pub type Grant<Role, Resource> = (Role, Resource, &'static [&'static str]);

/// The IAM policy, in JSON, of a program with these roles: all that is granted to any of them, and no more. Each
/// kind of resource, whose ARN is `arn`, has a statement of its own, which is named after it.
///
/// `service` is what stands before the actions, as `dynamodb`.
pub fn iam_policy<Role: PartialEq, Resource: Copy + Ord + Debug>(
    service: &str,
    grants: &[Grant<Role, Resource>],
    roles: &[Role],
    arn: impl Fn(Resource) -> String,
) -> String {
    let mut granted = BTreeMap::<Resource, BTreeSet<&str>>::new();
    for (role, resource, actions) in grants {
        if roles.contains(role) {
            granted.entry(*resource).or_default().extend(*actions);
        }
    }
    let statement = |(resource, actions): (Resource, BTreeSet<&str>)| {
        let actions = actions.into_iter().map(|action| format!("{service}:{action}"));
        json!({
            "Sid": format!("{resource:?}"),
            "Effect": "Allow",
            "Action": actions.collect::<Vec<_>>(),
            "Resource": arn(resource),
        })
    };
    let statements: Vec<Value> = granted.into_iter().map(statement).collect();
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    format!("{policy:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(PartialEq)]
    enum Role {
        Write,
        Read,
        Clean,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Resource {
        Table,
        Index,
    }

    const GRANTS: &[Grant<Role, Resource>] = &[
        (Role::Read, Resource::Index, &["Query"]),
        (Role::Read, Resource::Table, &["GetItem"]),
        (Role::Write, Resource::Table, &["PutItem", "GetItem"]),
        (Role::Clean, Resource::Table, &["DeleteItem"]),
    ];

    fn statements(roles: &[Role]) -> Value {
        let arn = |resource| format!("arn:{resource:?}");
        let policy = iam_policy("dynamodb", GRANTS, roles, arn);
        let mut policy: Value = serde_json::from_str(&policy).unwrap();
        assert_eq!(policy["Version"], "2012-10-17");
        policy["Statement"].take()
    }

    #[test]
    fn each_resource_has_one_statement_with_what_the_roles_need_on_it() {
        let expected = json!([
            {
                "Sid": "Table",
                "Effect": "Allow",
                "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
                "Resource": "arn:Table",
            },
            {
                "Sid": "Index",
                "Effect": "Allow",
                "Action": ["dynamodb:Query"],
                "Resource": "arn:Index",
            },
        ]);
        assert_eq!(statements(&[Role::Write, Role::Read]), expected);
    }

    #[test]
    fn what_no_role_needs_is_not_granted() {
        assert_eq!(statements(&[]), json!([]));
        let cleaning = statements(&[Role::Clean]);
        assert_eq!(cleaning.as_array().unwrap().len(), 1);
        assert_eq!(cleaning[0]["Action"], json!(["dynamodb:DeleteItem"]));
    }
}
