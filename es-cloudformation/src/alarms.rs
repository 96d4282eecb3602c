//! What an operator has to see at once.

use serde_json::{Value, json};

use crate::names::attribute;

/// The parameter with the topic that alarms go to.
pub(crate) const TOPIC: &str = "AlarmTopic";
pub(crate) const HAS_TOPIC: &str = "HasAlarmTopic";

pub(crate) fn topic_parameter() -> Value {
    json!({
        "Description": "ARN of the topic that alarms go to. Empty: they are seen in CloudWatch only.",
        "Type": "String",
        "Default": "",
    })
}

pub(crate) fn has_topic() -> Value {
    json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": TOPIC }, ""] }] })
}

/// An alarm on a resource of the stack.
#[derive(Debug, Clone)]
pub(crate) struct Alarm {
    on: String,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    DeadLetters,
    Errors,
    Throttles,
    Waiting,
    Age,
    ServerErrors,
}

/// How old the oldest record may be that a function has not done.
const OLDEST_RECORD_MS: u64 = 5 * 60 * 1000;

/// How old the oldest message may be, in seconds: more than retries with their waits take.
const OLDEST_MESSAGE_S: u64 = 15 * 60;

impl Alarm {
    /// Anything in the queue.
    pub(crate) fn on_dead_letters(queue: &str) -> Self {
        Self { on: queue.to_owned(), what: What::DeadLetters }
    }

    /// Invocations of the function that failed as a whole.
    pub(crate) fn on_errors_of(function: &str) -> Self {
        Self { on: function.to_owned(), what: What::Errors }
    }

    /// Invocations of the function that Lambda had no room for.
    pub(crate) fn on_throttles_of(function: &str) -> Self {
        Self { on: function.to_owned(), what: What::Throttles }
    }

    /// Messages that nobody has handled for a quarter of an hour, as when a mapping cannot read its queue.
    pub(crate) fn on_waiting_in(queue: &str) -> Self {
        Self { on: queue.to_owned(), what: What::Waiting }
    }

    /// The function is behind by more than five minutes.
    pub(crate) fn on_age_of(function: &str) -> Self {
        Self { on: function.to_owned(), what: What::Age }
    }

    /// Requests that the API could not answer.
    pub(crate) fn on_server_errors_of(api: &str) -> Self {
        Self { on: api.to_owned(), what: What::ServerErrors }
    }

    pub(crate) fn resource_name(&self) -> String {
        let what = match self.what {
            What::DeadLetters => "DeadLetters",
            What::Errors => "Errors",
            What::Throttles => "Throttles",
            What::Waiting => "Waiting",
            What::Age => "Age",
            What::ServerErrors => "ServerErrors",
        };
        format!("{}{what}Alarm", self.on)
    }

    pub(crate) fn resource(&self) -> Value {
        let function = || dimension("FunctionName", json!({ "Ref": self.on }));
        // What it says, of which figure, as which statistic, and above what.
        let (description, namespace, metric, statistic, threshold, dimension) = match self.what {
            What::DeadLetters => (
                "Something was given up and waits for an operator",
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                "Maximum",
                0,
                dimension("QueueName", attribute(&self.on, "QueueName")),
            ),
            What::Errors => {
                ("Invocations of a function fail", "AWS/Lambda", "Errors", "Sum", 0, function())
            }
            What::Throttles => (
                "There is no room for more invocations of a function",
                "AWS/Lambda",
                "Throttles",
                "Sum",
                0,
                function(),
            ),
            What::Waiting => (
                "Messages wait for more than a quarter of an hour",
                "AWS/SQS",
                "ApproximateAgeOfOldestMessage",
                "Maximum",
                OLDEST_MESSAGE_S,
                dimension("QueueName", attribute(&self.on, "QueueName")),
            ),
            What::Age => (
                "A function is behind its stream by more than five minutes",
                "AWS/Lambda",
                "IteratorAge",
                "Maximum",
                OLDEST_RECORD_MS,
                function(),
            ),
            What::ServerErrors => (
                "Requests to the API fail",
                "AWS/ApiGateway",
                "5xx",
                "Sum",
                0,
                dimension("ApiId", json!({ "Ref": self.on })),
            ),
        };
        let actions =
            json!({ "Fn::If": [HAS_TOPIC, [{ "Ref": TOPIC }], { "Ref": "AWS::NoValue" }] });
        json!({
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmDescription": description,
                "Namespace": namespace,
                "MetricName": metric,
                "Dimensions": [dimension],
                "Statistic": statistic,
                "Period": 300,
                "EvaluationPeriods": 1,
                "ComparisonOperator": "GreaterThanThreshold",
                "Threshold": threshold,
                // Nothing happened, then.
                "TreatMissingData": "notBreaching",
                "AlarmActions": actions,
                "OKActions": actions,
            },
        })
    }
}

fn dimension(name: &str, value: Value) -> Value {
    json!({ "Name": name, "Value": value })
}
