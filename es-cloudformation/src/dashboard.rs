//! What an operator looks at.

use serde_json::{Map, Value, json};

use crate::function::Function;
use crate::names::with_prefix;

/// One dashboard: functions, how far behind they are, queues, the API.
pub(crate) fn resource(
    title: &str,
    functions: &[Function],
    resources: &Map<String, Value>,
    apis: &[String],
) -> Value {
    let named = |metric: &str| -> Vec<Value> {
        let of = |it: &Function| {
            json!(["AWS/Lambda", metric, "FunctionName", format!("{}{}", crate::PREFIX, it.name())])
        };
        functions.iter().map(of).collect()
    };
    let behind: Vec<Value> = functions
        .iter()
        .filter(|function| function.is_behind_shards())
        .map(|it| {
            json!([
                "AWS/Lambda",
                "IteratorAge",
                "FunctionName",
                format!("{}{}", crate::PREFIX, it.name())
            ])
        })
        .collect();
    let queues = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::SQS::Queue");
    let queues: Vec<Value> = queues
        .map(|(name, _)| {
            json!([
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                "QueueName",
                format!("${{{name}.QueueName}}")
            ])
        })
        .collect();
    let of_apis = |metric: &str| -> Vec<Value> {
        apis.iter()
            .map(|api| json!(["AWS/ApiGateway", metric, "ApiId", format!("${{{api}}}")]))
            .collect()
    };
    let graphs = [
        ("Invocations", "Sum", named("Invocations")),
        ("Errors", "Sum", named("Errors")),
        ("Duration (ms)", "p95", named("Duration")),
        ("Behind the stream (ms)", "Maximum", behind),
        ("Messages in queues", "Maximum", queues),
        ("Requests", "Sum", [of_apis("Count"), of_apis("4xx"), of_apis("5xx")].concat()),
        ("Latency (ms)", "p95", of_apis("Latency")),
    ];
    let shown = graphs.into_iter().filter(|(_, _, metrics)| !metrics.is_empty());
    let widgets: Vec<Value> = shown
        .enumerate()
        .map(|(at, (name, statistic, metrics))| {
            json!({
                "type": "metric",
                "x": 12 * (at % 2),
                "y": 6 * (at / 2),
                "width": 12,
                "height": 6,
                "properties": {
                    "title": format!("{title}: {name}"),
                    "region": "${AWS::Region}",
                    "view": "timeSeries",
                    "period": 60,
                    "stat": statistic,
                    "metrics": metrics,
                },
            })
        })
        .collect();
    json!({
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {
            "DashboardName": with_prefix("system"),
            "DashboardBody": { "Fn::Sub": json!({ "widgets": widgets }).to_string() },
        },
    })
}
