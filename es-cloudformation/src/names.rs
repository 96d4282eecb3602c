//! Names of what is in a stack.

use serde_json::{Value, json};

/// What the names of everything in a stack begin with: the name of the stack, and a dash. CloudFormation puts the
/// name in where the template has this in an `Fn::Sub`.
pub const PREFIX: &str = "${AWS::StackName}-";

/// The name of something in the stack.
///
/// ```
/// assert_eq!(es_cloudformation::with_prefix("api")["Fn::Sub"], "${AWS::StackName}-api");
/// ```
pub fn with_prefix(name: &str) -> Value {
    text(&format!("{PREFIX}{name}"))
}

/// The name of a resource: letters and digits, as `OrderList` for `order-list`.
///
/// ```
/// assert_eq!(es_cloudformation::resource_name("order-list_v1"), "OrderListV1");
/// ```
pub fn resource_name(name: &str) -> String {
    let words = name.split(|it: char| !it.is_ascii_alphanumeric());
    let capitalised = words.map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    capitalised.collect()
}

/// The text, with what CloudFormation has to put in.
pub(crate) fn text(text: &str) -> Value {
    if text.contains("${") { json!({ "Fn::Sub": text }) } else { json!(text) }
}

/// An attribute of a resource.
pub(crate) fn attribute(resource: &str, attribute: &str) -> Value {
    json!({ "Fn::GetAtt": [resource, attribute] })
}

/// The ARN of something of this stack, for one that a policy has for all regions and accounts and without a prefix:
/// `arn:aws:dynamodb:*:*:table/events` becomes
/// `arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${AWS::StackName}-events`.
pub(crate) fn arn_in_stack(arn: &str) -> Value {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", "aws", service, "*", "*", name] = parts.as_slice() else { return text(arn) };
    // A kind, where the service has several; then the name.
    let (kind, name) = match name.split_once('/') {
        Some((kind, name)) if KINDS.contains(&kind) => (format!("{kind}/"), name),
        _ => (String::new(), *name),
    };
    let place = "${AWS::Region}:${AWS::AccountId}";
    text(&format!("arn:${{AWS::Partition}}:{service}:{place}:{kind}{PREFIX}{name}"))
}

/// What the part of an ARN before the name says.
const KINDS: [&str; 4] = ["event-bus", "rule", "stream", "table"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_all_regions_become_those_of_the_stack() {
        let place = "${AWS::Region}:${AWS::AccountId}";
        for (arn, expected) in [
            ("table/events", "table/${AWS::StackName}-events"),
            ("table/view_*/index/*", "table/${AWS::StackName}-view_*/index/*"),
            ("created", "${AWS::StackName}-created"),
            ("rule/bus/*", "rule/${AWS::StackName}-bus/*"),
        ] {
            let of_stack = arn_in_stack(&format!("arn:aws:x:*:*:{arn}"));
            let expected = format!("arn:${{AWS::Partition}}:x:{place}:{expected}");
            assert_eq!(of_stack, json!({ "Fn::Sub": expected }));
        }
    }

    #[test]
    fn an_arn_that_names_its_account_stays() {
        let arn = "arn:aws:s3:::prescriptions/*";
        assert_eq!(arn_in_stack(arn), json!(arn));
    }
}
