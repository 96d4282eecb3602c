//! What a stack leaves behind when it is deleted: what its template keeps, such as the log.

use serde_json::{Value, json};

use super::requests::{self, Error};
use crate::servers::Place;

/// How to list things: what they are called, the operation, the field of its answer that has them, and the
/// field in each that has its name, unless it is the name.
const LISTS: [(&str, &str, &str, Option<&str>); 4] = [
    ("table", "DynamoDB_20120810.ListTables", "TableNames", None),
    ("queue", "AmazonSQS.ListQueues", "QueueUrls", None),
    ("data stream", "Kinesis_20131202.ListStreams", "StreamNames", None),
    ("log group", "Logs_20140328.DescribeLogGroups", "logGroups", Some("logGroupName")),
];

/// All whose name begins with the prefix.
///
/// # Errors
///
/// When the server does not answer.
pub(super) fn of(place: &Place, prefix: &str) -> Result<Vec<String>, Error> {
    let mut remains = Vec::new();
    for (kind, operation, field, name) in LISTS {
        let answer = requests::json(place, operation, &json!({}))?;
        let listed = answer[field].as_array().into_iter().flatten();
        let names = listed.filter_map(|listed| name_of(listed, name));
        let of_stack = names.filter(|name| last_part(name).starts_with(prefix));
        remains.extend(of_stack.map(|name| format!("{kind} {}", last_part(name))));
    }
    let buckets = requests::buckets(place)?.into_iter().filter(|name| name.starts_with(prefix));
    remains.extend(buckets.map(|name| format!("bucket {name}")));
    Ok(remains)
}

fn name_of<'a>(listed: &'a Value, field: Option<&str>) -> Option<&'a str> {
    field.map_or(listed, |field| &listed[field]).as_str()
}

/// The name of a queue in its address, or that of a function in its log's.
pub(super) fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
