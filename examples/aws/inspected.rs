//! Templates of systems as tests look at them: what each of them owes to whoever deploys it.

use std::collections::BTreeSet;
use std::path::Path;

use es_cloudformation::{KEY, PREFIX, key_arn};
use serde_json::{Value, json};

/// A template.
pub(crate) struct Inspected(pub(crate) Value);

impl Inspected {
    /// The resources of a type, with their names. There is at least one.
    pub(crate) fn all(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self.0["Resources"].as_object().unwrap().iter();
        let found: Vec<_> = resources
            .filter(|(_, resource)| resource["Type"] == kind)
            .map(|(name, resource)| (name.as_str(), resource))
            .collect();
        assert!(!found.is_empty(), "there is no {kind}");
        found
    }

    /// The names that resources of a type have behind the name of the stack.
    pub(crate) fn names(&self, kind: &str, property: &str) -> BTreeSet<String> {
        let all = self.all(kind).into_iter();
        let names = all.map(|(_, resource)| {
            let name = resource["Properties"][property]["Fn::Sub"].as_str().unwrap_or_default();
            name.strip_prefix(PREFIX).unwrap_or_else(|| panic!("{resource}")).to_owned()
        });
        names.collect()
    }

    /// It is what is checked in as `examples/SYSTEM/template.json`.
    pub(crate) fn is_checked_in_for(&self, system: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(system).join("template.json");
        let text = serde_json::to_string_pretty(&self.0).unwrap() + "\n";
        let file = std::fs::read_to_string(&path).unwrap_or_default();
        let anew = "`cargo xtask templates` writes it anew";
        assert!(file.replace("\r\n", "\n") == text, "{} is older: {anew}", path.display());
    }

    /// Tables are encrypted with the key of the stack, can be restored to any point in time, and outlive the stack.
    pub(crate) fn tables_are_safe(&self) {
        for (name, table) in self.all("AWS::DynamoDB::Table") {
            let properties = &table["Properties"];
            let expected =
                json!({ "SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key_arn() });
            assert_eq!(properties["SSESpecification"], expected, "{name}");
            let recovery = &properties["PointInTimeRecoverySpecification"];
            assert_eq!(recovery["PointInTimeRecoveryEnabled"], true, "{name}");
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                assert_eq!(table[policy], "Retain", "{name}");
            }
        }
        assert_eq!(self.all("AWS::KMS::Key")[0].1["Properties"]["EnableKeyRotation"], true);
    }

    /// The queues for what was given up keep it for 14 days, encrypted, and tell when anything is in them.
    pub(crate) fn dead_letters_are_kept_and_seen(&self, queues: &[&str]) {
        for queue in queues {
            let properties = &self.0["Resources"][queue]["Properties"];
            assert_eq!(properties["MessageRetentionPeriod"], 14 * 24 * 60 * 60, "{queue}");
            assert_eq!(properties["KmsMasterKeyId"], key_arn(), "{queue}");
            let alarm = self.alarm(&format!("{queue}DeadLettersAlarm"));
            assert_eq!(alarm["MetricName"], "ApproximateNumberOfMessagesVisible");
            assert_eq!(
                alarm["Dimensions"][0]["Value"],
                json!({ "Fn::GetAtt": [queue, "QueueName"] })
            );
            assert_eq!((&alarm["Threshold"], &alarm["Statistic"]), (&json!(0), &json!("Maximum")));
        }
    }

    /// Functions run on either processor, end, write a log that ends, and tell when they fail.
    pub(crate) fn functions_are_bounded(&self, expected: &[&str]) {
        let architecture = &self.0["Parameters"]["Architecture"];
        assert_eq!(architecture["AllowedValues"], json!(["arm64", "x86_64"]));
        assert_eq!(self.names("AWS::Lambda::Function", "FunctionName"), set(expected));
        for (name, function) in self.all("AWS::Lambda::Function") {
            let properties = &function["Properties"];
            assert_eq!(properties["Runtime"], "provided.al2023");
            assert_eq!(properties["Architectures"], json!([{ "Ref": "Architecture" }]));
            assert!(properties["Timeout"].as_u64().unwrap() <= 900, "{name}");
            assert_eq!(properties["KmsKeyArn"], key_arn());
            let log = &self.0["Resources"]
                [properties["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap()];
            assert_eq!(log["Properties"]["RetentionInDays"], json!({ "Ref": "LogRetentionDays" }));
            let alarm = self.alarm(&format!("{name}ErrorsAlarm"));
            assert_eq!(alarm["Dimensions"][0]["Value"], json!({ "Ref": name }));
        }
        let dashboard = self.all("AWS::CloudWatch::Dashboard")[0].1;
        let body = dashboard["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
        for function in expected {
            assert!(
                body.contains(&format!("{PREFIX}{function}")),
                "{function} is not on the dashboard"
            );
        }
    }

    /// What reads shards halves batches that fail, gives records up in the end, and says so in this queue; and tells when
    /// it is behind.
    pub(crate) fn shards_are_read_with_an_end(&self, failures: &str) {
        for (name, mapping) in self.all("AWS::Lambda::EventSourceMapping") {
            let properties = &mapping["Properties"];
            assert_eq!(
                properties["FunctionResponseTypes"],
                json!(["ReportBatchItemFailures"]),
                "{name}"
            );
            assert!(properties["BatchSize"].as_u64().unwrap() >= 10, "{name}");
            assert_eq!(properties["StartingPosition"], "TRIM_HORIZON", "{name}");
            assert_eq!(properties["BisectBatchOnFunctionError"], true, "{name}");
            assert!(
                (1..100).contains(&properties["MaximumRetryAttempts"].as_u64().unwrap()),
                "{name}"
            );
            let destination = &properties["DestinationConfig"]["OnFailure"]["Destination"];
            assert_eq!(*destination, json!({ "Fn::GetAtt": [failures, "Arn"] }), "{name}");
            let function = properties["FunctionName"]["Ref"].as_str().unwrap();
            assert_eq!(self.alarm(&format!("{function}AgeAlarm"))["MetricName"], "IteratorAge");
        }
    }

    /// The API writes a log, takes so much and no more, and asks for tokens where there is an issuer, but on `open` routes.
    pub(crate) fn the_api_is_guarded(&self, open: &[&str]) {
        let stage = &self.all("AWS::ApiGatewayV2::Stage")[0].1["Properties"];
        assert_eq!(
            stage["AccessLogSettings"]["DestinationArn"],
            json!({ "Fn::GetAtt": ["ApiLog", "Arn"] })
        );
        let limits = &stage["DefaultRouteSettings"];
        assert_eq!(limits["ThrottlingRateLimit"], json!({ "Ref": "RequestsPerSecond" }));
        assert_eq!(limits["ThrottlingBurstLimit"], json!({ "Ref": "RequestsAtOnce" }));
        let mut without_token = BTreeSet::new();
        for (name, route) in self.all("AWS::ApiGatewayV2::Route") {
            let properties = &route["Properties"];
            if properties["AuthorizationType"] == "NONE" {
                without_token.insert(properties["RouteKey"].as_str().unwrap().to_owned());
                continue;
            }
            let authorization = json!({ "Fn::If": ["HasIssuer", "JWT", "NONE"] });
            assert_eq!(properties["AuthorizationType"], authorization, "{name}");
        }
        assert_eq!(without_token, set(open));
        let jwt = &self.all("AWS::ApiGatewayV2::Authorizer")[0].1["Properties"]["JwtConfiguration"];
        assert_eq!(
            *jwt,
            json!({ "Issuer": { "Ref": "Issuer" }, "Audience": [{ "Ref": "Audience" }] })
        );
        assert_eq!(self.alarm("ApiServerErrorsAlarm")["MetricName"], "5xx");
    }

    /// What a function, or whoever has a policy, may do: actions and on what. None is of several actions, and none on
    /// everything but lists of streams, which cannot be had otherwise.
    pub(crate) fn allowed(&self, role: &str) -> BTreeSet<(String, String)> {
        let properties = &self.0["Resources"][role]["Properties"];
        let document = match &properties["Policies"] {
            Value::Null => &properties["PolicyDocument"],
            policies => &policies[0]["PolicyDocument"],
        };
        let several =
            |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let mut allowed = BTreeSet::new();
        let mut sids = BTreeSet::new();
        for statement in document["Statement"].as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow");
            let sid = statement["Sid"].as_str().unwrap();
            assert!(sids.insert(sid), "{role} has two statements {sid}");
            for action in several(&statement["Action"]) {
                let action = action.as_str().unwrap().to_owned();
                assert!(!action.contains('*'), "{role}: {action}");
                for resource in several(&statement["Resource"]) {
                    let text =
                        resource.as_str().map_or_else(|| resource.to_string(), str::to_owned);
                    assert!(
                        text != "*" || action.ends_with(":ListStreams"),
                        "{role}: {action} on *"
                    );
                    let is_of_stack =
                        [PREFIX, KEY, "Fn::GetAtt"].iter().any(|it| text.contains(it));
                    assert!(text == "*" || is_of_stack, "{role}: {action} on {text}");
                    allowed.insert((action.clone(), text));
                }
            }
        }
        allowed
    }

    /// What a role may do with the log.
    pub(crate) fn allowed_on_log(&self, role: &str) -> BTreeSet<String> {
        let table = format!("table/{PREFIX}events\"}}");
        let allowed = self.allowed(role).into_iter();
        allowed.filter(|(_, on)| on.ends_with(&table)).map(|(action, _)| action).collect()
    }

    /// Whatever is referred to is there: resources, parameters and conditions.
    pub(crate) fn is_whole(&self) {
        let mut found = References::default();
        found.of(&self.0["Resources"]);
        found.of(&self.0["Outputs"]);
        found.of(&self.0["Conditions"]);
        assert!(found.names.len() > 5, "{:?}", found.names);
        for name in found.names.iter().filter(|name| !name.starts_with("AWS::")) {
            let is_there =
                ["Resources", "Parameters"].iter().any(|part| self.0[part][name].is_object());
            assert!(is_there, "there is no {name}");
        }
        for condition in &found.conditions {
            assert!(
                self.0["Conditions"][condition].is_object(),
                "there is no condition {condition}"
            );
        }
        for (name, parameter) in self.0["Parameters"].as_object().into_iter().flatten() {
            assert!(found.names.contains(name), "nobody refers to the parameter {name}");
            assert!(!parameter["Default"].is_null(), "{name} has to be given");
        }
    }

    fn alarm(&self, name: &str) -> &Value {
        let alarm = &self.0["Resources"][name];
        assert_eq!(alarm["Type"], "AWS::CloudWatch::Alarm", "there is no {name}");
        &alarm["Properties"]
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[derive(Default)]
struct References {
    names: BTreeSet<String>,
    conditions: BTreeSet<String>,
}

impl References {
    fn of(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("Ref", Value::String(name)) => drop(self.names.insert(name.clone())),
                        ("Fn::GetAtt", Value::Array(path)) => {
                            self.names.insert(path[0].as_str().unwrap().to_owned());
                        }
                        ("Fn::Sub", Value::String(text)) => self.of_text(text),
                        ("Fn::If", Value::Array(branches)) => {
                            self.conditions.insert(branches[0].as_str().unwrap().to_owned());
                            branches[1..].iter().for_each(|branch| self.of(branch));
                        }
                        // Of a resource; in policies it is an object.
                        ("Condition", Value::String(name)) => {
                            self.conditions.insert(name.clone());
                        }
                        _ => self.of(value),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.of(value)),
            _ => {}
        }
    }

    fn of_text(&mut self, text: &str) {
        for part in text.split("${").skip(1) {
            let (name, _) = part.split_once('}').unwrap();
            self.names.insert(name.split('.').next().unwrap_or_default().to_owned());
        }
    }
}
