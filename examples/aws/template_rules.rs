//! What holds for the template of every system, for the tests of each.

use std::collections::BTreeSet;

use es_cloudformation::key_arn;
use serde_json::{Value, json};

/// A template that keeps the rules.
#[derive(Debug)]
pub(crate) struct Template(pub(crate) Value);

const TWO_WEEKS: u64 = 14 * 24 * 60 * 60;

/// Of tables' streams and data streams there is no list of some.
const ON_ANYTHING: [&str; 2] = ["dynamodb:ListStreams", "kinesis:ListStreams"];

/// What a function may do with the log: it never changes, and nothing is taken out of it.
const ON_THE_LOG: [&str; 4] =
    ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"];

/// What who follows the log without being pushed to does with it as well.
const FOLLOWING: [&str; 2] = ["dynamodb:DescribeTable", "dynamodb:Scan"];

impl Template {
    /// Looks at everything that holds for all systems.
    pub(crate) fn checked(template: Value) -> Self {
        let template = Self(template);
        template.has_all_that_it_refers_to();
        template.brings_what_was_never_pushed();
        template.keeps_data_encrypted_and_recoverable();
        template.keeps_files_to_itself();
        template.lets_nobody_do_more_than_needed();
        template.runs_functions_that_end_what_fails();
        template.shows_operators_what_is_wrong();
        template
    }

    /// The resources of a type, by name.
    pub(crate) fn all_of(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self.0["Resources"].as_object().unwrap();
        resources
            .iter()
            .filter(|(_, resource)| resource["Type"] == kind)
            .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
            .collect()
    }

    /// The properties of a resource.
    pub(crate) fn properties(&self, name: &str) -> &Value {
        let resource = &self.0["Resources"][name];
        assert!(resource.is_object(), "there is no {name}");
        &resource["Properties"]
    }

    /// What a role or a managed policy allows, on what.
    pub(crate) fn allowed(&self, name: &str) -> BTreeSet<(String, String)> {
        let properties = self.properties(name);
        let documents = match properties["Policies"].as_array() {
            Some(policies) => policies.iter().map(|it| &it["PolicyDocument"]).collect(),
            None => vec![&properties["PolicyDocument"]],
        };
        let several = |value: &Value| match value.as_array() {
            Some(values) => values.clone(),
            None => vec![value.clone()],
        };
        let statements = documents.into_iter().flat_map(|it| several(&it["Statement"]));
        let statements: Vec<_> = statements.collect();
        let names: BTreeSet<_> = statements.iter().map(|it| it["Sid"].as_str()).collect();
        assert_eq!(names.len(), statements.len(), "{name} has two statements of one name");
        let statements = statements.into_iter();
        let pairs = statements.flat_map(|statement| {
            assert_eq!(statement["Effect"], "Allow", "{statement}");
            let (actions, on) = (several(&statement["Action"]), several(&statement["Resource"]));
            let pairs = actions.into_iter().flat_map(move |action| {
                let action = action.as_str().unwrap().to_owned();
                on.clone().into_iter().map(move |on| (action.clone(), shown(&on)))
            });
            pairs.collect::<Vec<_>>()
        });
        pairs.collect()
    }

    /// Whether a role or a managed policy allows this on what ends so.
    pub(crate) fn allows(&self, name: &str, action: &str, on: &str) -> bool {
        self.allowed(name).iter().any(|(allowed, what)| allowed == action && what.ends_with(on))
    }

    /// Who of these functions may do this on what ends so.
    pub(crate) fn who_may(&self, action: &str, on: &str) -> BTreeSet<&str> {
        let functions = self.all_of("AWS::Lambda::Function").into_iter();
        let may = functions.filter(|(name, _)| self.allows(&format!("{name}Role"), action, on));
        may.map(|(name, _)| name.trim_end_matches("Function")).collect()
    }

    /// The functions behind a stream.
    pub(crate) fn behind(&self, stream: &Value) -> BTreeSet<&str> {
        let mappings = self.all_of("AWS::Lambda::EventSourceMapping").into_iter();
        let of_stream = mappings.filter(|(_, it)| it["EventSourceArn"] == *stream);
        let functions = of_stream.map(|(_, it)| it["FunctionName"]["Ref"].as_str().unwrap());
        functions.map(|name| name.trim_end_matches("Function")).collect()
    }

    /// The routes of the API that need no token, whoever issues them.
    pub(crate) fn open_routes(&self) -> BTreeSet<&str> {
        let routes = self.all_of("AWS::ApiGatewayV2::Route").into_iter();
        let open = routes.filter(|(_, it)| it["AuthorizationType"] == "NONE");
        open.map(|(_, it)| it["RouteKey"].as_str().unwrap()).collect()
    }

    fn has_all_that_it_refers_to(&self) {
        let mut found = BTreeSet::new();
        references(&self.0, &mut found);
        assert!(found.len() > 5, "{found:?}");
        let parts = ["Resources", "Parameters", "Conditions"];
        for name in found.iter().filter(|name| !name.starts_with("AWS::")) {
            assert!(
                parts.iter().any(|part| self.0[*part].get(name).is_some()),
                "there is no {name}"
            );
        }
        for (name, _) in self.0["Parameters"].as_object().into_iter().flatten() {
            assert!(found.contains(name), "parameter {name} is for nothing");
        }
    }

    fn keeps_data_encrypted_and_recoverable(&self) {
        let key = [json!({ "Ref": "Key" }), key_arn()];
        for (name, table) in self.all_of("AWS::DynamoDB::Table") {
            assert_eq!(table["SSESpecification"]["KMSMasterKeyId"], key_arn(), "{name}");
            let recovery = &table["PointInTimeRecoverySpecification"];
            assert_eq!(recovery["PointInTimeRecoveryEnabled"], true, "{name}");
            // What a deployment that failed has made is not in the way of the next one.
            let kept = &self.0["Resources"][name]["DeletionPolicy"];
            assert_eq!(kept, "RetainExceptOnCreate", "{name}");
        }
        let log = self.properties("EventsTable");
        assert_eq!(log["StreamSpecification"]["StreamViewType"], "NEW_IMAGE");
        assert!(log["TimeToLiveSpecification"].is_null(), "events do not expire");
        for (kind, field) in [
            ("AWS::SQS::Queue", "/KmsMasterKeyId"),
            ("AWS::SNS::Topic", "/KmsMasterKeyId"),
            ("AWS::Kinesis::Stream", "/StreamEncryption/KeyId"),
            ("AWS::Logs::LogGroup", "/KmsKeyId"),
            ("AWS::Lambda::Function", "/KmsKeyArn"),
            (
                "AWS::S3::Bucket",
                "/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/KMSMasterKeyID",
            ),
        ] {
            for (name, properties) in self.all_of(kind) {
                let with = properties.pointer(field);
                assert!(with.is_some_and(|it| key.contains(it)), "{name} with {with:?}");
            }
        }
        for (name, log) in self.all_of("AWS::Logs::LogGroup") {
            assert_eq!(log["RetentionInDays"], json!({ "Ref": "LogRetentionDays" }), "{name}");
        }
        assert_eq!(self.properties("Key")["EnableKeyRotation"], true);
    }

    fn keeps_files_to_itself(&self) {
        for (name, bucket) in self.all_of("AWS::S3::Bucket") {
            let block = bucket["PublicAccessBlockConfiguration"].as_object().unwrap();
            assert!(block.len() == 4 && block.values().all(|it| it == true), "{name}: {block:?}");
            assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled", "{name}");
            // What a deployment that failed has made is not in the way of the next one.
            let kept = &self.0["Resources"][name]["DeletionPolicy"];
            assert_eq!(kept, "RetainExceptOnCreate", "{name}");
            let policy = &self.properties(&format!("PolicyOf{name}"))["PolicyDocument"];
            let refused = &policy["Statement"][0];
            assert_eq!((&refused["Effect"], &refused["Action"]), (&json!("Deny"), &json!("s3:*")));
            let without_tls = json!({ "Bool": { "aws:SecureTransport": "false" } });
            assert_eq!(refused["Condition"], without_tls, "{name}");
        }
    }

    fn lets_nobody_do_more_than_needed(&self) {
        let roles = self.all_of("AWS::IAM::Role").into_iter();
        let policies = self.all_of("AWS::IAM::ManagedPolicy").into_iter();
        for (name, _) in roles.chain(policies) {
            for (action, on) in self.allowed(name) {
                assert!(!action.contains('*'), "{name}: {action}");
                assert!(on != "*" || ON_ANYTHING.contains(&&*action), "{name}: {action} on {on}");
                let is_of_stack = on.contains("${AWS::StackName}-") || on.contains("Fn::GetAtt");
                assert!(on == "*" || is_of_stack, "{name}: {action} on {on}");
                if on.ends_with("table/${AWS::StackName}-events") && name.ends_with("FunctionRole")
                {
                    let follows = name == "CatchUpFunctionRole" && FOLLOWING.contains(&&*action);
                    let may = follows || ON_THE_LOG.contains(&&*action);
                    assert!(may, "{name}: {action} on the log");
                }
            }
        }
        for (name, function) in self.all_of("AWS::Lambda::Function") {
            assert_eq!(function["Role"], json!({ "Fn::GetAtt": [format!("{name}Role"), "Arn"] }));
        }
    }

    /// What a mapping gives up is still in the stream when the catching up comes to it, some times over.
    fn brings_what_was_never_pushed(&self) {
        let mappings = self.all_of("AWS::Lambda::EventSourceMapping").into_iter();
        let log = json!({ "Fn::GetAtt": ["EventsTable", "StreamArn"] });
        let of_log: Vec<_> = mappings.filter(|(_, it)| it["EventSourceArn"] == log).collect();
        if of_log.is_empty() {
            return;
        }
        let schedule = self.properties("CatchUpFunctionSchedule");
        assert_eq!(schedule["ScheduleExpression"], "rate(60 minutes)");
        let function = json!({ "Fn::GetAtt": ["CatchUpFunction", "Arn"] });
        assert_eq!(schedule["Targets"][0]["Arn"], function);
        for (name, mapping) in of_log {
            let hours = mapping["MaximumRecordAgeInSeconds"].as_u64().unwrap().div_ceil(60 * 60);
            assert!(hours + 4 <= 24, "{name} gives up after {hours} hours");
        }
        for action in ["dynamodb:DescribeStream", "dynamodb:GetRecords"] {
            assert!(self.allows("CatchUpFunctionRole", action, "-events/stream/*"), "{action}");
        }
    }

    fn runs_functions_that_end_what_fails(&self) {
        for (name, function) in self.all_of("AWS::Lambda::Function") {
            assert_eq!(function["Runtime"], "provided.al2023", "{name}");
            assert_eq!(function["Architectures"], json!([{ "Ref": "Architecture" }]), "{name}");
            let architectures = &self.0["Parameters"]["Architecture"]["AllowedValues"];
            assert_eq!(*architectures, json!(["arm64", "x86_64"]));
        }
        for (name, mapping) in self.all_of("AWS::Lambda::EventSourceMapping") {
            let answers = json!(["ReportBatchItemFailures"]);
            assert_eq!(mapping["FunctionResponseTypes"], answers, "{name}");
            assert!(mapping["BatchSize"].as_u64().is_some(), "{name}");
            if mapping["StartingPosition"].is_null() {
                continue;
            }
            assert_eq!(mapping["BisectBatchOnFunctionError"], true, "{name}");
            assert!(mapping["MaximumRetryAttempts"].as_u64().is_some(), "{name}");
            let age = mapping["MaximumRecordAgeInSeconds"].as_u64();
            assert!(age.is_some_and(|it| it < 24 * 60 * 60), "somebody is told before it is gone");
            let failures = &mapping["DestinationConfig"]["OnFailure"]["Destination"];
            let queue = failures["Fn::GetAtt"][0].as_str().unwrap();
            self.keeps_for_two_weeks(queue);
        }
        for (_, subscription) in self.all_of("AWS::SNS::Subscription") {
            let target = &subscription["RedrivePolicy"]["deadLetterTargetArn"];
            self.keeps_for_two_weeks(target["Fn::GetAtt"][0].as_str().unwrap());
        }
        for (name, queue) in self.all_of("AWS::SQS::Queue") {
            let Some(target) = queue["RedrivePolicy"].get("deadLetterTargetArn") else { continue };
            assert!(queue["RedrivePolicy"]["maxReceiveCount"].as_u64().is_some(), "{name}");
            self.keeps_for_two_weeks(target["Fn::GetAtt"][0].as_str().unwrap());
        }
    }

    fn keeps_for_two_weeks(&self, queue: &str) {
        assert_eq!(self.properties(queue)["MessageRetentionPeriod"], TWO_WEEKS, "{queue}");
        // Without functions nobody is told by this template.
        if !self.all_of("AWS::Lambda::Function").is_empty() {
            let alarm = self.properties(&format!("{queue}DeadLettersAlarm"));
            assert_eq!(alarm["MetricName"], "ApproximateNumberOfMessagesVisible");
        }
    }

    fn shows_operators_what_is_wrong(&self) {
        for (name, _) in self.all_of("AWS::Lambda::Function") {
            assert_eq!(self.properties(&format!("{name}ErrorsAlarm"))["MetricName"], "Errors");
            assert_eq!(
                self.properties(&format!("{name}ThrottlesAlarm"))["MetricName"],
                "Throttles"
            );
            let awaited = self.0["Resources"][name]["DependsOn"].as_array().unwrap();
            for (table, _) in self.all_of("AWS::DynamoDB::Table") {
                assert!(awaited.contains(&json!(table)), "{name} would begin without {table}");
            }
            let dashboards = self.all_of("AWS::CloudWatch::Dashboard");
            assert_eq!(dashboards.len(), 1);
        }
        for (_, mapping) in self.all_of("AWS::Lambda::EventSourceMapping") {
            if !mapping["StartingPosition"].is_null() {
                let function = mapping["FunctionName"]["Ref"].as_str().unwrap();
                let alarm = self.properties(&format!("{function}AgeAlarm"));
                assert_eq!(alarm["MetricName"], "IteratorAge");
            }
        }
        for (name, alarm) in self.all_of("AWS::CloudWatch::Alarm") {
            assert!(alarm["AlarmActions"]["Fn::If"].is_array(), "{name}");
        }
        for (_, stage) in self.all_of("AWS::ApiGatewayV2::Stage") {
            assert!(stage["AccessLogSettings"]["DestinationArn"].is_object());
            let limits = &stage["DefaultRouteSettings"];
            assert!(limits["ThrottlingRateLimit"].is_object(), "{limits}");
            let route = self.properties("ApiRoute");
            let when = json!({ "Fn::If": ["WithTokens", "JWT", "NONE"] });
            assert_eq!(route["AuthorizationType"], when);
            assert!(self.properties("ApiServerErrorsAlarm").is_object());
        }
    }
}

fn shown(value: &Value) -> String {
    match (value, value.get("Fn::Sub").and_then(Value::as_str)) {
        (Value::String(text), _) => text.clone(),
        (_, Some(text)) => text.to_owned(),
        _ => value.to_string(),
    }
}

/// The names of all that a part of a template refers to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("Ref" | "Condition" | "DependsOn", Value::String(name)) => {
                        found.insert(name.clone());
                    }
                    ("DependsOn", Value::Array(names)) => {
                        found.extend(names.iter().map(|it| it.as_str().unwrap().to_owned()));
                    }
                    ("Fn::GetAtt", Value::Array(path)) => {
                        found.insert(path[0].as_str().unwrap().to_owned());
                    }
                    ("Fn::If", Value::Array(branches)) => {
                        found.insert(branches[0].as_str().unwrap().to_owned());
                        branches[1..].iter().for_each(|it| references(it, found));
                    }
                    ("Fn::Sub", Value::String(text)) => {
                        let names = text.split("${").skip(1).filter_map(|it| it.split('}').next());
                        let names = names.map(|it| it.split('.').next().unwrap_or(it));
                        found.extend(names.map(str::to_owned));
                    }
                    _ => references(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// That the checked-in template of a system is the one that it prints.
pub(crate) fn is_checked_in(system: &str, template: &Value) {
    let path = format!("{}/{system}/template.json", env!("CARGO_MANIFEST_DIR"));
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let said = serde_json::from_str::<Value>(&written).ok();
    assert!(
        said.as_ref() == Some(template),
        "examples/{system}/template.json is another one; write it anew with\n\
         cargo run --features aws --example {system} -- template > examples/{system}/template.json"
    );
}
