//! A bucket of S3, which nobody reads but those who are allowed to.

use serde_json::{Value, json};

use crate::key::key_arn;
use crate::names::{attribute, resource_name, text};

/// A bucket, encrypted with the key of the stack: nothing in it is ever public, who asks without TLS is refused, and what
/// is put in the place of an object, or removes it, leaves the object for 30 days more.
///
/// Names of buckets are taken by one account of all, so its name is that of the stack, its own, and the account:
/// `STACK-inbox-123456789012`. (A stack with a bucket has to have a name that a bucket can have: lower case.)
#[derive(Debug, Clone)]
#[must_use = "a bucket is in a stack once it is given to `Stack::bucket`"]
pub struct Bucket {
    name: String,
    topic: Option<String>,
}

/// How long objects stay that others have taken the place of, in days.
const REPLACED_DAYS: u32 = 30;
/// How long the parts of an upload stay that was not finished, in days.
const UNFINISHED_DAYS: u32 = 7;

impl Bucket {
    /// A bucket of this name, as `inbox`.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), topic: None }
    }

    /// Has the bucket tell a topic, by the name of its resource, of every new object. It is the only one that may
    /// publish there without a role of the account.
    pub fn tells(mut self, topic: &str) -> Self {
        self.topic = Some(topic.to_owned());
        self
    }

    /// Its ARN, with what CloudFormation puts in; those of its objects have `/` and their key behind it.
    pub fn arn(&self) -> String {
        format!("arn:${{AWS::Partition}}:s3:::{}", self.full_name())
    }

    /// The topic that it tells.
    pub(crate) fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    pub(crate) fn resource_name(&self) -> String {
        format!("Bucket{}", resource_name(&self.name))
    }

    pub(crate) fn resources(&self) -> Vec<(String, Value)> {
        let name = self.resource_name();
        let mut bucket = json!({
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "BucketName": text(&self.full_name()),
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [{
                        "BucketKeyEnabled": true,
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": key_arn(),
                        },
                    }],
                },
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": true,
                    "BlockPublicPolicy": true,
                    "IgnorePublicAcls": true,
                    "RestrictPublicBuckets": true,
                },
                "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
                "VersioningConfiguration": { "Status": "Enabled" },
                "LifecycleConfiguration": {
                    "Rules": [{
                        "Id": "what-is-left",
                        "Status": "Enabled",
                        "NoncurrentVersionExpiration": { "NoncurrentDays": REPLACED_DAYS },
                        "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": UNFINISHED_DAYS },
                    }],
                },
            },
        });
        let mut resources = vec![(format!("PolicyOf{name}"), self.policy())];
        if let Some(topic) = &self.topic {
            let letting_in = format!("PolicyOf{topic}");
            bucket["Properties"]["NotificationConfiguration"] = json!({
                "TopicConfigurations": [{ "Event": "s3:ObjectCreated:*", "Topic": { "Ref": topic } }],
            });
            // A bucket is not made when the topic does not let it in.
            bucket["DependsOn"] = json!(letting_in);
            resources.push((letting_in, self.policy_of_topic(topic)));
        }
        resources.push((name, bucket));
        resources
    }

    fn full_name(&self) -> String {
        format!("{}{}-${{AWS::AccountId}}", crate::PREFIX, self.name)
    }

    /// Refuses everybody who asks without TLS.
    fn policy(&self) -> Value {
        let name = self.resource_name();
        let objects = json!({ "Fn::Sub": format!("${{{name}.Arn}}/*") });
        json!({
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": { "Ref": name },
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Sid": "EncryptedInTransit",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [attribute(&name, "Arn"), objects],
                        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
                    }],
                },
            },
        })
    }

    /// Lets the bucket publish. It is named by what its ARN will be, as it is made after this.
    fn policy_of_topic(&self, topic: &str) -> Value {
        json!({
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{ "Ref": topic }],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Sid": "Bucket",
                        "Effect": "Allow",
                        "Principal": { "Service": "s3.amazonaws.com" },
                        "Action": "sns:Publish",
                        "Resource": { "Ref": topic },
                        "Condition": {
                            "ArnEquals": { "aws:SourceArn": text(&self.arn()) },
                            "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } },
                        },
                    }],
                },
            },
        })
    }
}
