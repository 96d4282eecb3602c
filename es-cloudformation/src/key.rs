//! The key of a stack.

use serde_json::{Value, json};

/// The resource of the key that everything in the stack is encrypted with.
pub const KEY: &str = "Key";

/// The ARN of the key of the stack.
pub fn key_arn() -> Value {
    json!({ "Fn::GetAtt": [KEY, "Arn"] })
}

/// A key that rotates, which the account administers, and which these services of AWS, as `sns.amazonaws.com`, may
/// use for the account: those that send to queues, or write logs.
pub(crate) fn resource(title: &str, services: &[Value]) -> Value {
    let mut statements = vec![json!({
        "Sid": "Account",
        "Effect": "Allow",
        "Principal": { "AWS": { "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root" } },
        "Action": "kms:*",
        // In a key's policy: this key.
        "Resource": "*",
    })];
    if !services.is_empty() {
        statements.push(json!({
            "Sid": "Services",
            "Effect": "Allow",
            "Principal": { "Service": services },
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {
                "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } },
            },
        }));
    }
    // CloudWatch Logs says of no source account, but which log group it encrypts.
    statements.push(json!({
        "Sid": "Logs",
        "Effect": "Allow",
        "Principal": { "Service": { "Fn::Sub": "logs.${AWS::Region}.amazonaws.com" } },
        "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        "Resource": "*",
        "Condition": {
            "ArnLike": {
                "kms:EncryptionContext:aws:logs:arn": {
                    "Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*${AWS::StackName}-*",
                },
            },
        },
    }));
    json!({
        "Type": "AWS::KMS::Key",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Description": { "Fn::Sub": format!("{title} of the stack ${{AWS::StackName}}") },
            "EnableKeyRotation": true,
            "KeyPolicy": { "Version": "2012-10-17", "Statement": statements },
        },
    })
}

/// The use of the key through these services.
pub(crate) fn use_through(services: &[&str]) -> [Value; 2] {
    let services: Vec<Value> = services
        .iter()
        .map(|service| json!({ "Fn::Sub": format!("{service}.${{AWS::Region}}.amazonaws.com") }))
        .collect();
    let through = json!({ "kms:ViaService": services });
    [
        json!({
            "Sid": "Key",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
            "Resource": key_arn(),
            "Condition": { "StringEquals": through },
        }),
        // DynamoDB works with a key by grants, and nobody else gets any.
        json!({
            "Sid": "KeyGrants",
            "Effect": "Allow",
            "Action": "kms:CreateGrant",
            "Resource": key_arn(),
            "Condition": {
                "StringEquals": through,
                "Bool": { "kms:GrantIsForAWSResource": true },
            },
        }),
    ]
}
