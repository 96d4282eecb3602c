//! What SQS takes as the policy of a queue:
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html>.

use serde_json::Value;

use super::refusal::Refusal;

const MAX_BYTES: usize = 8_192;
const MAX_STATEMENTS: usize = 20;
const MAX_CONDITIONS: usize = 10;
const MAX_PRINCIPALS: usize = 50;

pub(super) fn check(policy: &str) -> Result<(), Refusal> {
    let refused = |reason: String| {
        let message = "Value for parameter Policy is invalid. Reason:";
        Err(Refusal::invalid_value(format!("{message} {reason}.")))
    };
    let Ok(document) = serde_json::from_str::<Value>(policy) else {
        return refused("Policy is not valid JSON".to_owned());
    };
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        single => vec![single],
    };
    let (mut conditions, mut principals) = (0, 0);
    for statement in &statements {
        for operator in statement["Condition"].as_object().into_iter().flatten() {
            conditions += operator.1.as_object().map_or(0, |keys| keys.len());
        }
        principals += match &statement["Principal"] {
            Value::Object(kinds) => {
                kinds.values().map(|it| it.as_array().map_or(1, Vec::len)).sum()
            }
            everybody => usize::from(!everybody.is_null()),
        };
    }
    let counted = [
        ("bytes", policy.len(), MAX_BYTES),
        ("statements", statements.len(), MAX_STATEMENTS),
        ("conditions", conditions, MAX_CONDITIONS),
        ("principals", principals, MAX_PRINCIPALS),
    ];
    match counted.into_iter().find(|(_, actual, most)| actual > most) {
        Some((what, actual, most)) => refused(format!("{actual} {what} are more than {most}")),
        None => Ok(()),
    }
}
