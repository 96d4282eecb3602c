//! Functions of a stack: what they are behind, what they may do, and what is refused.

use std::time::Duration;

use es_cloudformation::{Code, Function, HttpApi, PREFIX, Source, Stack, statements};
use es_core::{Error, QueueName, QueueOptions, Topology};
use es_dynamodb::Role;
use serde_json::{Value, json};

/// A log, a data stream of one shard, and a queue that hides messages for 30 seconds.
fn stack() -> Stack {
    let queue = QueueName::new("labels").unwrap();
    let options = QueueOptions::default().visibility_timeout(Duration::from_secs(30));
    let topology = Topology::builder().queue(&queue, options).build().unwrap();
    let queues = es_sns_sqs::cloudformation_template(&topology).unwrap();
    let stream = es_kinesis::cloudformation_template(&[]).unwrap();
    let mut stack = Stack::new("Pharmacy");
    stack.take(&es_dynamodb::cloudformation_template(&[]).unwrap(), &[("Prefix", PREFIX)]).unwrap();
    stack.take(&queues, &[("NamePrefix", PREFIX)]).unwrap();
    let name = format!("{PREFIX}events");
    stack.take(&stream, &[("StreamName", &name), ("Shards", "1")]).unwrap();
    stack
}

fn with(stack: &mut Stack, function: Function) -> Result<(), Error> {
    stack.functions(&Code::folder("program"), [function])
}

/// Its statements, by what they are called.
fn statements_of(template: &Value, role: &str) -> Vec<(String, Value)> {
    let policy = &template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"];
    let statements = policy["Statement"].as_array().unwrap();
    statements.iter().map(|it| (it["Sid"].as_str().unwrap().to_owned(), it.clone())).collect()
}

fn refused(function: Function) -> String {
    match with(&mut stack(), function) {
        Err(Error::Misuse(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_taken_over_has_the_names_of_the_stack_its_key_and_the_defaults_of_the_template() {
    let template = stack().render("A pharmacy");
    let table = &template["Resources"]["EventsTable"]["Properties"];
    assert_eq!(table["TableName"], json!({ "Fn::Sub": "${AWS::StackName}-events" }));
    let stream = &template["Resources"]["Stream"]["Properties"];
    assert_eq!(stream["Name"], json!({ "Fn::Sub": "${AWS::StackName}-events" }));
    assert_eq!(stream["StreamEncryption"]["KeyId"], json!({ "Fn::GetAtt": ["Key", "Arn"] }));
    assert_eq!(stream["StreamModeDetails"]["StreamMode"], "PROVISIONED");
    assert_eq!(stream["ShardCount"], "1");
    assert_eq!(stream["RetentionPeriodHours"], "24", "nobody said otherwise");
    assert!(template.get("Parameters").is_none());
}

#[test]
fn a_template_that_is_none_is_refused_and_so_is_one_twice() {
    let mut stack = stack();
    assert!(matches!(stack.take("no template", &[]), Err(Error::Corrupt { .. })));
    let again = es_dynamodb::cloudformation_template(&[]).unwrap();
    let refused = stack.take(&again, &[("Prefix", PREFIX)]);
    assert!(matches!(refused, Err(Error::Misuse(reason)) if reason.contains("EventsTable")));
}

#[test]
fn functions_behind_shards_end_what_fails_for_ever() {
    let mut stack = stack();
    let failures = stack.dead_letter_queue("failures").unwrap();
    let of_table = Source::table_stream("EventsTable")
        .only(json!({ "eventName": ["INSERT"] }))
        .attempts(4)
        .failures_to(&failures);
    let of_stream = Source::data_stream("Stream").batch(500).window(Duration::from_secs(2));
    let function = Function::new("views", "Keeps views").behind(of_table).behind(of_stream);
    with(&mut stack, function).unwrap();
    let template = stack.render("A pharmacy");
    let resources = &template["Resources"];

    let mapping = &resources["ViewsFunctionEventsTable"]["Properties"];
    assert_eq!(mapping["EventSourceArn"], json!({ "Fn::GetAtt": ["EventsTable", "StreamArn"] }));
    assert_eq!(mapping["MaximumRetryAttempts"], 3, "the first attempt is none");
    assert_eq!(mapping["BisectBatchOnFunctionError"], true);
    assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    let to = &mapping["DestinationConfig"]["OnFailure"]["Destination"];
    assert_eq!(*to, json!({ "Fn::GetAtt": ["QueueFailures", "Arn"] }));
    let pattern = &mapping["FilterCriteria"]["Filters"][0]["Pattern"];
    assert_eq!(*pattern, r#"{"eventName":["INSERT"]}"#);
    let mapping = &resources["ViewsFunctionStream"]["Properties"];
    assert_eq!(
        (&mapping["BatchSize"], &mapping["MaximumBatchingWindowInSeconds"]),
        (&json!(500), &json!(2))
    );
    assert!(mapping["MaximumRetryAttempts"].as_u64().is_some(), "not as often as there is time");

    let statements = statements_of(&template, "ViewsFunctionRole");
    let names: Vec<_> = statements.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "ReadEventsTable",
        "ListEventsTable",
        "GiveUpEventsTable",
        "ReadStream",
        "ListStream",
        "Log",
        "Key",
        "KeyGrants",
    ];
    assert_eq!(names, expected);
    for alarm in
        ["ViewsFunctionErrorsAlarm", "ViewsFunctionAgeAlarm", "QueueFailuresDeadLettersAlarm"]
    {
        assert!(resources[alarm].is_object(), "{alarm}");
    }
    assert_eq!(resources["QueueFailures"]["Properties"]["MessageRetentionPeriod"], 1_209_600);
}

#[test]
fn a_function_may_do_what_it_was_given_in_this_stack_and_no_more() {
    let mut stack = stack();
    let queries = statements(&es_dynamodb::iam_policy("", &[Role::Queries]).unwrap()).unwrap();
    with(&mut stack, Function::new("api", "Answers").may(queries)).unwrap();
    let template = stack.render("A pharmacy");
    let statements = statements_of(&template, "ApiFunctionRole");
    let (_, views) = statements.iter().find(|(name, _)| name == "Views").unwrap();
    let place = "${AWS::Region}:${AWS::AccountId}:table/${AWS::StackName}-view_*";
    assert_eq!(views["Resource"]["Fn::Sub"], format!("arn:${{AWS::Partition}}:dynamodb:{place}"));
    let (_, key) = statements.iter().find(|(name, _)| name == "Key").unwrap();
    let through = &key["Condition"]["StringEquals"]["kms:ViaService"];
    let through: Vec<_> =
        through.as_array().unwrap().iter().map(|it| it["Fn::Sub"].as_str().unwrap()).collect();
    let expected = ["dynamodb", "kinesis", "sqs", "lambda"];
    let expected = expected.map(|service| format!("{service}.${{AWS::Region}}.amazonaws.com"));
    assert_eq!(through, expected);
}

#[test]
fn a_function_behind_a_queue_may_say_how_long_what_failed_is_hidden() {
    let mut stack = stack();
    let printer = Function::new("printer", "Prints").behind(Source::queue("QueueLabels"));
    with(&mut stack, printer).unwrap();
    let statements = statements_of(&stack.render("A pharmacy"), "PrinterFunctionRole");
    let (_, queue) = statements.iter().find(|(name, _)| name == "ReceiveQueueLabels").unwrap();
    assert_eq!(queue["Resource"], json!({ "Fn::GetAtt": ["QueueLabels", "Arn"] }));
    for action in ["sqs:ChangeMessageVisibility", "sqs:GetQueueUrl"] {
        let actions = queue["Action"].as_array().unwrap();
        assert!(actions.contains(&json!(action)), "{actions:?}");
    }
}

#[test]
fn a_schedule_is_of_whole_minutes() {
    for (seconds, rate) in [(1, "rate(1 minute)"), (60, "rate(1 minute)"), (61, "rate(2 minutes)")]
    {
        let mut stack = stack();
        let every = Source::schedule(Duration::from_secs(seconds));
        with(&mut stack, Function::new("sweeper", "Sweeps").behind(every)).unwrap();
        let template = stack.render("A pharmacy");
        let rule = &template["Resources"]["SweeperFunctionSchedule"]["Properties"];
        assert_eq!(rule["ScheduleExpression"], rate);
        let permission = &template["Resources"]["SweeperFunctionSchedulePermission"]["Properties"];
        assert_eq!(permission["Principal"], "events.amazonaws.com");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let nowhere = Function::new("views", "Keeps views").behind(Source::table_stream("Nowhere"));
    assert!(refused(nowhere).contains("Nowhere"));
    let to_nowhere = Source::table_stream("EventsTable").failures_to("Nowhere");
    assert!(refused(Function::new("views", "Keeps views").behind(to_nowhere)).contains("Nowhere"));
    let longer_than_hidden = Function::new("printer", "Prints")
        .timeout(Duration::from_secs(31))
        .behind(Source::queue("QueueLabels"));
    assert!(refused(longer_than_hidden).contains("shows a message again after 30 s"));

    let nowhere = Function::new("views", "Keeps views").dead_records_to("Nowhere");
    assert!(refused(nowhere).contains("Nowhere"));
    for (limit, function) in [
        ("window", Source::queue("QueueLabels").batch(11)),
        ("ten batches", Source::data_stream("Stream").at_once(11)),
        ("10,000 times", Source::data_stream("Stream").attempts(0)),
    ] {
        let function = Function::new("views", "Keeps views").behind(function);
        assert!(refused(function).contains(limit), "{limit}");
    }
    let mut stack = stack();
    with(&mut stack, Function::new("api", "Answers")).unwrap();
    assert!(with(&mut stack, Function::new("api", "Answers")).is_err());
    assert!(stack.http_api(&HttpApi::to("nobody")).is_err());
    stack.http_api(&HttpApi::to("api")).unwrap();
    assert!(stack.http_api(&HttpApi::to("api")).is_err(), "there is one address");
}

#[test]
fn an_invocation_takes_15_minutes_at_most_whatever_it_is_of() {
    let sources = [
        Some(Source::schedule(Duration::from_secs(3600))),
        Some(Source::data_stream("Stream")),
        // Behind an API, or invoked by hand.
        None,
    ];
    let taking = |timeout: Duration, source: &Option<Source>| {
        let function = Function::new("views", "Keeps views").timeout(timeout);
        match source {
            Some(source) => function.behind(source.clone()),
            None => function,
        }
    };
    for source in &sources {
        for (seconds, nanoseconds) in [(0, 0), (901, 0), (3600, 0), (0, 500_000_000)] {
            let timeout = Duration::new(seconds, nanoseconds);
            assert!(refused(taking(timeout, source)).contains("15 minutes"), "{timeout:?}");
        }
        for seconds in [1, 900] {
            with(&mut stack(), taking(Duration::from_secs(seconds), source)).unwrap();
        }
    }
}

#[test]
fn how_long_a_queue_hides_messages_may_be_a_parameter_that_is_never_less_than_the_timeout() {
    let with_least = |least: u64, timeout: u64| {
        let mut stack = stack();
        stack.parameter("Hidden", json!({ "Type": "Number", "Default": 600, "MinValue": least }));
        let queue = stack.resources.get_mut("QueueLabels").unwrap();
        queue["Properties"]["VisibilityTimeout"] = json!({ "Ref": "Hidden" });
        let printer = Function::new("printer", "Prints").timeout(Duration::from_secs(timeout));
        with(&mut stack, printer.behind(Source::queue("QueueLabels")))
    };
    with_least(40, 40).unwrap();
    // Some seconds more than SQS hides messages by itself, and fewer: the parameter alone counts.
    for (least, timeout) in [(39, 40), (9, 10)] {
        let refused = with_least(least, timeout);
        let reason = format!("shows a message again after {least} s");
        assert!(matches!(refused, Err(Error::Misuse(it)) if it.contains(&reason)), "{least}");
    }
}

#[test]
fn who_asks_the_api_needs_a_token_once_there_is_an_issuer() {
    let mut stack = stack();
    with(&mut stack, Function::new("api", "Answers")).unwrap();
    stack.http_api(&HttpApi::to("api").open("GET /health").cors("https://example.com")).unwrap();
    let template = stack.render("A pharmacy");
    let of = |name: &str| &template["Resources"][name]["Properties"];
    assert_eq!(of("ApiRoute")["AuthorizationType"]["Fn::If"], json!(["WithTokens", "JWT", "NONE"]));
    assert_eq!(of("ApiRouteGETHealth")["RouteKey"], "GET /health");
    assert_eq!(of("ApiRouteGETHealth")["AuthorizationType"], "NONE");
    assert_eq!(template["Resources"]["ApiAuthorizer"]["Condition"], "WithTokens");
    assert_eq!(of("Api")["CorsConfiguration"]["AllowOrigins"], json!(["https://example.com"]));
    assert_eq!(of("ApiIntegration")["PayloadFormatVersion"], "2.0");
    assert!(of("ApiStage")["AccessLogSettings"]["Format"].as_str().unwrap().contains("status"));
    // Preflights bring no token.
    assert_eq!(of("ApiRoutePreflight")["RouteKey"], "OPTIONS /{proxy+}");
    assert_eq!(of("ApiRoutePreflight")["AuthorizationType"], "NONE");
    let access = &template["Parameters"]["Access"];
    assert!(access.get("Default").is_none(), "an open API is somebody's decision");
    let limit = &of("ApiStage")["DefaultRouteSettings"]["ThrottlingRateLimit"];
    assert_eq!(*limit, json!({ "Ref": "RequestsPerSecond" }));
}
