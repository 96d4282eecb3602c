//! Commits, as the streams of the tables of logs have them.

use serde_json::{Value, json};

use super::time_of_day;
use crate::{
    sandbox::requests::{Error, json},
    servers::Place,
};

/// The streams of all logs of a stack, and how far each has been read.
#[derive(Debug)]
pub(super) struct Commits {
    prefix: String,
    /// The table and where to go on, of each shard.
    followed: Vec<(String, Option<String>)>,
}

impl Commits {
    /// From the beginning of what the streams have.
    pub(super) fn of(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), followed: Vec::new() }
    }

    /// A line for each commit that was not looked at before.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) fn look(&mut self, place: &Place) -> Result<Vec<String>, Error> {
        self.follow_new_tables(place)?;
        let mut lines = Vec::new();
        for (_, iterator) in &mut self.followed {
            while let Some(current) = iterator.as_ref() {
                let asked = json!({ "ShardIterator": current });
                let page = json(place, "DynamoDBStreams_20120810.GetRecords", &asked)?;
                let records = page["Records"].as_array().cloned().unwrap_or_default();
                *iterator = page["NextShardIterator"].as_str().map(str::to_owned);
                lines.extend(records.iter().filter_map(line));
                if records.is_empty() {
                    break;
                }
            }
        }
        Ok(lines)
    }

    fn follow_new_tables(&mut self, place: &Place) -> Result<(), Error> {
        let tables = json(place, "DynamoDB_20120810.ListTables", &json!({}))?;
        let names = tables["TableNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for table in names.filter(|name| is_log(name, &self.prefix)) {
            if self.followed.iter().any(|(followed, _)| followed == table) {
                continue;
            }
            let asked = json!({ "TableName": table });
            let streams = json(place, "DynamoDBStreams_20120810.ListStreams", &asked)?;
            for stream in streams["Streams"].as_array().into_iter().flatten() {
                let asked = json!({ "StreamArn": stream["StreamArn"] });
                let described = json(place, "DynamoDBStreams_20120810.DescribeStream", &asked)?;
                let shards = described["StreamDescription"]["Shards"].as_array().cloned();
                for shard in shards.unwrap_or_default() {
                    let asked = json!({
                        "StreamArn": stream["StreamArn"],
                        "ShardId": shard["ShardId"],
                        "ShardIteratorType": "TRIM_HORIZON",
                    });
                    let answer = json(place, "DynamoDBStreams_20120810.GetShardIterator", &asked)?;
                    let iterator = answer["ShardIterator"].as_str().map(str::to_owned);
                    self.followed.push((table.to_owned(), iterator));
                }
            }
        }
        Ok(())
    }
}

/// Whether a table is a log of the stack, as the backend on DynamoDB names them.
fn is_log(table: &str, prefix: &str) -> bool {
    table.starts_with(prefix) && table.ends_with("events")
}

/// When, which stream, which versions, which events; `None` for what is no commit, such as a piece of a
/// large one.
pub(super) fn line(record: &Value) -> Option<String> {
    if record["eventName"] != "INSERT" {
        return None;
    }
    let item = &record["dynamodb"]["NewImage"];
    let stream = item["pk"]["S"].as_str()?;
    let number = |name: &str| item[name]["N"].as_str()?.parse::<u64>().ok();
    let (first, events, at) = (number("sk")?, number("n")?, number("t")?);
    let versions = match events {
        1 => first.to_string(),
        _ => format!("{first}–{}", first + events.saturating_sub(1)),
    };
    // A large commit has its names in pieces of its own.
    let names = item["m"]["S"].as_str().map_or_else(|| format!("{events} events"), event_names);
    Some(format!("{}  {stream}  {versions}  {names}", time_of_day(at)))
}

/// The names of the events in the manifest of a commit, which has a line for each: name, version, length.
fn event_names(manifest: &str) -> String {
    let names = manifest.lines().filter_map(|event| event.split(' ').next());
    names.collect::<Vec<_>>().join(", ")
}
