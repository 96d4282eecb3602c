//! Buckets of a stack: who may read them, and whom they tell.

use es_cloudformation::{Bucket, PREFIX, Stack, key_arn};
use es_core::{QueueName, QueueOptions, TopicName, Topology};
use serde_json::{Value, json};

fn with_topic() -> Stack {
    let (topic, queue) = (TopicName::new("arrivals").unwrap(), QueueName::new("arrivals").unwrap());
    let topology = Topology::builder().topic(&topic).queue(&queue, QueueOptions::default());
    let template = es_sns_sqs::cloudformation_template(&topology.build().unwrap()).unwrap();
    let mut stack = Stack::new("Port");
    stack.take(&template, &[("NamePrefix", PREFIX)]).unwrap();
    stack
}

fn rendered(bucket: &Bucket) -> Value {
    let mut stack = with_topic();
    assert_eq!(stack.bucket(bucket).unwrap(), "BucketInbox");
    stack.render("A port")
}

#[test]
fn a_bucket_has_the_key_and_is_never_public() {
    let template = rendered(&Bucket::new("inbox"));
    let bucket = &template["Resources"]["BucketInbox"]["Properties"];
    let encryption = &bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
    let by_default = &encryption["ServerSideEncryptionByDefault"];
    assert_eq!(by_default["SSEAlgorithm"], "aws:kms");
    assert_eq!(by_default["KMSMasterKeyID"], key_arn());
    let blocked = bucket["PublicAccessBlockConfiguration"].as_object().unwrap();
    assert_eq!(blocked.len(), 4);
    assert!(blocked.values().all(|it| it == true), "{blocked:?}");
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
    assert_eq!(template["Outputs"]["BucketInboxName"]["Value"]["Ref"], "BucketInbox");
}

#[test]
fn who_asks_a_bucket_without_tls_is_refused_whatever_he_may() {
    let template = rendered(&Bucket::new("inbox"));
    let policy = &template["Resources"]["PolicyOfBucketInbox"]["Properties"];
    assert_eq!(policy["Bucket"]["Ref"], "BucketInbox");
    let statement = &policy["PolicyDocument"]["Statement"][0];
    assert_eq!(statement["Effect"], "Deny");
    assert_eq!((&statement["Principal"], &statement["Action"]), (&json!("*"), &json!("s3:*")));
    assert_eq!(statement["Condition"]["Bool"]["aws:SecureTransport"], "false");
    let of = statement["Resource"].to_string();
    assert!(of.contains(r#"["BucketInbox","Arn"]"#) && of.contains("${BucketInbox.Arn}/*"), "{of}");
}

#[test]
fn a_bucket_may_publish_to_the_topic_that_it_tells_before_it_is_made() {
    let template = rendered(&Bucket::new("inbox").tells("TopicArrivals"));
    let bucket = &template["Resources"]["BucketInbox"];
    let told = &bucket["Properties"]["NotificationConfiguration"]["TopicConfigurations"][0];
    assert_eq!(
        *told,
        json!({ "Event": "s3:ObjectCreated:*", "Topic": { "Ref": "TopicArrivals" } })
    );
    let policy = &template["Resources"][bucket["DependsOn"].as_str().unwrap()];
    let statement = &policy["Properties"]["PolicyDocument"]["Statement"][0];
    assert_eq!(statement["Principal"]["Service"], "s3.amazonaws.com");
    assert_eq!(statement["Action"], "sns:Publish");
    let name = &bucket["Properties"]["BucketName"]["Fn::Sub"];
    let arn = format!("arn:${{AWS::Partition}}:s3:::{}", name.as_str().unwrap());
    assert_eq!(statement["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"], arn);
    let key = template["Resources"]["Key"]["Properties"]["KeyPolicy"].to_string();
    assert!(key.contains("s3.amazonaws.com"), "it encrypts what it tells: {key}");
}

#[test]
fn a_bucket_tells_no_topic_that_is_not_there() {
    for nothing in ["TopicDepartures", "QueueArrivals"] {
        let bucket = Bucket::new("inbox").tells(nothing);
        let error = with_topic().bucket(&bucket).unwrap_err();
        assert!(error.to_string().contains(nothing), "{error}");
    }
}
