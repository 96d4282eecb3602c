//! What functions complain about: warnings and errors in their logs, and failed invocations in that of the
//! server.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::{
    sandbox::{
        remains::last_part,
        requests::{Error, json},
    },
    servers::Place,
};

/// The logs of a stack's functions, and how far each has been read.
#[derive(Debug)]
pub(super) struct Complaints {
    prefix: String,
    since: u64,
    /// How many messages of each log group have been looked at.
    looked_at: HashMap<String, usize>,
    server_log: File,
}

impl Complaints {
    /// From now on.
    ///
    /// # Errors
    ///
    /// When the server's log cannot be read.
    pub(super) fn of(place: &Place, prefix: &str) -> io::Result<Self> {
        let mut server_log = File::open(place.log())?;
        server_log.seek(SeekFrom::End(0))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        Ok(Self { prefix: prefix.to_owned(), since, looked_at: HashMap::new(), server_log })
    }

    /// A line for each complaint that was not looked at before.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) fn look(&mut self, place: &Place) -> Result<Vec<String>, Error> {
        let mut lines = Vec::new();
        let asked = json!({ "logGroupNamePrefix": format!("/aws/lambda/{}", self.prefix) });
        let groups = json(place, "Logs_20140328.DescribeLogGroups", &asked)?;
        let groups = groups["logGroups"].as_array().into_iter().flatten();
        for group in groups.filter_map(|group| group["logGroupName"].as_str()) {
            let asked = json!({ "logGroupName": group, "startTime": self.since });
            let logged = json(place, "Logs_20140328.FilterLogEvents", &asked)?;
            let events = logged["events"].as_array().cloned().unwrap_or_default();
            let looked_at = self.looked_at.entry(group.to_owned()).or_default();
            let messages = events.iter().skip(*looked_at).map(|event| &event["message"]);
            let complaints = messages.filter_map(Value::as_str).filter(|it| is_complaint(it));
            lines.extend(complaints.map(|message| format!("{}  {message}", last_part(group))));
            *looked_at = events.len();
        }
        let mut logged = String::new();
        self.server_log.read_to_string(&mut logged)?;
        let complaints = logged.lines().filter(|line| is_failure(line, &self.prefix));
        lines.extend(complaints.map(str::to_owned));
        Ok(lines)
    }
}

/// Whether a line of a function's log is one to look at.
pub(super) fn is_complaint(line: &str) -> bool {
    ["ERROR", "WARN", "panicked at", "Task timed out"].iter().any(|sign| line.contains(sign))
}

/// Whether a line of the server's log says that a function of the stack has failed.
pub(super) fn is_failure(line: &str, prefix: &str) -> bool {
    let is_grave = line.contains(" WARNING [lambda") || line.contains(" ERROR [lambda");
    is_grave && line.contains(prefix)
}
