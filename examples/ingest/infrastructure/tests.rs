use super::*;
use crate::aws::template_rules::{Template, is_checked_in};
use crate::ingest::processor::Processor;
use crate::ingest::service::Options;

fn of_ingest() -> Template {
    Template::checked(template().unwrap())
}

#[test]
fn the_template_that_is_checked_in_is_the_one_that_is_printed() {
    is_checked_in("ingest", &template().unwrap());
}

#[test]
fn a_new_file_is_told_to_the_topic_and_from_there_to_the_queue() {
    let template = of_ingest();
    let notification = &template.properties("BucketInbox")["NotificationConfiguration"];
    assert_eq!(notification["TopicConfigurations"][0]["Event"], "s3:ObjectCreated:*");
    let topic = &notification["TopicConfigurations"][0]["Topic"];
    let subscriptions = template.all_of("AWS::SNS::Subscription");
    let [(_, subscription)] = subscriptions.as_slice() else { panic!("{subscriptions:?}") };
    assert_eq!(subscription["TopicArn"], *topic);
    let queue = "QueueSubmissions";
    assert_eq!(subscription["Endpoint"]["Fn::GetAtt"][0], queue);
    let mapping = template.properties("ProcessorFunctionQueueSubmissions");
    assert_eq!(mapping["EventSourceArn"]["Fn::GetAtt"][0], queue);
    assert_eq!(mapping["BatchSize"], 10);
}

#[test]
fn the_bucket_is_nobodys_who_is_not_allowed_and_asks_with_tls() {
    let template = of_ingest();
    let bucket = template.properties("BucketInbox");
    let blocked = bucket["PublicAccessBlockConfiguration"].as_object().unwrap();
    assert_eq!(blocked.values().filter(|it| **it == true).count(), 4);
    let statement = &template.properties("PolicyOfBucketInbox")["PolicyDocument"]["Statement"][0];
    assert_eq!(statement["Effect"], "Deny");
    assert_eq!(statement["Condition"]["Bool"]["aws:SecureTransport"], "false");
}

#[test]
fn what_became_of_events_expires_and_what_happened_does_not() {
    let template = of_ingest();
    let expiry = &template.properties("ViewIntakeRecordsV2Table")["TimeToLiveSpecification"];
    assert_eq!(
        (&expiry["AttributeName"], &expiry["Enabled"]),
        (&json!("es_expires_at"), &json!(true))
    );
    let days = &template.properties("RecordsFunction")["Environment"]["Variables"]["TTL_DAYS"];
    assert_eq!(*days, json!({ "Ref": "TtlDays" }));
    let default = &template.0["Parameters"]["TtlDays"]["Default"];
    assert_eq!(Some(Duration::from_secs(default.as_u64().unwrap() * 86_400)), Some(Options::KEEP));
}

#[test]
fn a_queue_hides_a_message_six_times_as_long_as_a_function_may_work_on_it() {
    let template = of_ingest();
    for (queue, function) in
        [("QueueSubmissions", "ProcessorFunction"), ("QueueConfirmations", "ConfirmerFunction")]
    {
        let hidden = template.properties(queue)["VisibilityTimeout"].as_u64().unwrap();
        let timeout = template.properties(function)["Timeout"].as_u64().unwrap();
        assert!(hidden >= 6 * timeout, "{queue} {hidden} s, {function} {timeout} s");
        // It gives up by itself only what the function never could: that has three attempts, and says why.
        let receives = template.properties(queue)["RedrivePolicy"]["maxReceiveCount"].as_u64();
        assert!(receives > Some(u64::from(Processor::ATTEMPTS)), "{queue} {receives:?}");
    }
}

#[test]
fn the_log_has_two_readers_as_many_as_its_stream_has_room_for() {
    let template = of_ingest();
    let mappings = template.all_of("AWS::Lambda::EventSourceMapping");
    let of_log = mappings.iter().filter(|(_, it)| !it["StartingPosition"].is_null());
    assert_eq!(of_log.count(), 2);
}

#[test]
fn pages_of_the_origins_that_the_parameter_names_may_ask() {
    let template = of_ingest();
    let cors = &template.properties("Api")["CorsConfiguration"];
    assert_eq!(cors["AllowOrigins"], json!([{ "Fn::Sub": "${AllowedOrigin}" }]));
    assert!(cors["AllowMethods"].as_array().unwrap().contains(&json!("POST")));
    assert_eq!(template.0["Parameters"]["AllowedOrigin"]["Default"], "*");
}

#[test]
fn nobody_may_do_more_than_its_part_asks_for() {
    let template = of_ingest();
    let (allowed, refused): (Vec<_>, Vec<_>) = [
        ("ApiFunctionRole", "sns:Publish", "-submissions", true),
        ("ApiFunctionRole", "dynamodb:Query", "-view_*", true),
        ("ApiFunctionRole", "dynamodb:PutItem", "-events", false),
        ("ApiFunctionRole", "sqs:SendMessage", "-submissions", false),
        ("ApiFunctionRole", "s3:GetObject", "/*", false),
        ("ProcessorFunctionRole", "dynamodb:PutItem", "-events", true),
        ("ProcessorFunctionRole", "s3:GetObject", "-inbox-${AWS::AccountId}/*", true),
        ("ProcessorFunctionRole", "s3:PutObject", "-inbox-${AWS::AccountId}/*", false),
        ("ProcessorFunctionRole", "sqs:SendMessage", "-dead-letters", true),
        ("ProcessorFunctionRole", "sqs:ReceiveMessage", "-confirmations", false),
        ("ProcessorFunctionRole", "sns:Publish", "-submissions", false),
        ("ConfirmerFunctionRole", "sqs:ReceiveMessage", "-submissions", false),
        ("ConfirmerFunctionRole", "s3:GetObject", "/*", false),
        ("AnnouncerFunctionRole", "sqs:SendMessage", "-confirmations", true),
        ("AnnouncerFunctionRole", "sqs:SendMessage", "-submissions", false),
        ("RecordsFunctionRole", "dynamodb:PutItem", "-view_*", true),
        ("RecordsFunctionRole", "sqs:SendMessage", "-confirmations", false),
        ("CatchUpFunctionRole", "dynamodb:PutItem", "-view_*", true),
        ("CatchUpFunctionRole", "sqs:SendMessage", "-confirmations", true),
        ("CatchUpFunctionRole", "sqs:ReceiveMessage", "-confirmations", false),
        ("PublishersPolicy", "s3:PutObject", "-inbox-${AWS::AccountId}/*", true),
        ("PublishersPolicy", "s3:GetObject", "-inbox-${AWS::AccountId}/*", false),
        ("OperatorsPolicy", "sqs:ReceiveMessage", "-dead-letters", true),
        ("OperatorsPolicy", "sqs:ReceiveMessage", "-submissions", false),
        ("OperatorsPolicy", "dynamodb:PutItem", "-events", false),
    ]
    .into_iter()
    .partition(|(.., may)| *may);
    for (who, action, on, _) in allowed {
        assert!(template.allows(who, action, on), "{who} needs {action} on {on}");
    }
    for (who, action, on, _) in refused {
        assert!(!template.allows(who, action, on), "{who} must not have {action} on {on}");
    }
}
