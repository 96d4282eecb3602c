//! What the program prints.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use comfy_table::Cell;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::command_line::{number, printable, table};
use crate::http::Exchange;

use super::history::Entry;
use super::views::{UserDetail, UserSummary};

/// What was asked and answered.
#[derive(Debug, Serialize)]
pub struct Conversation {
    /// In order.
    pub exchanges: Vec<Asked>,
    /// Where the data is.
    pub data: String,
}

/// One request and its answer.
#[derive(Debug, Serialize)]
pub struct Asked {
    title: String,
    request: Request,
    answer: Answer,
}

#[derive(Debug, Serialize)]
struct Request {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    /// JSON; text where it is none, and absent where there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

impl Conversation {
    /// The report of these exchanges.
    pub fn of(exchanges: &[Exchange], data: &str) -> Self {
        let exchanges = exchanges.iter().map(|exchange| Asked {
            title: exchange.title.clone(),
            request: Request {
                method: exchange.method.to_string(),
                target: exchange.target.clone(),
                headers: exchange.headers.iter().cloned().collect(),
                body: body(&exchange.body),
            },
            answer: Answer {
                status: exchange.answer.status().as_u16(),
                headers: telling(exchange.answer.headers()).collect(),
                body: body(exchange.answer.body()),
            },
        });
        Self { exchanges: exchanges.collect(), data: data.to_owned() }
    }
}

fn body(text: &str) -> Option<Box<RawValue>> {
    if text.is_empty() {
        return None;
    }
    serde_json::from_str(text).or_else(|_| to_raw_value(text)).ok()
}

/// The headers that say something about this answer, and not about every one.
fn telling(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    let telling = ["etag", "retry-after", "allow"].into_iter();
    telling.filter_map(|name| {
        let value = headers.get(name)?.to_str().ok()?;
        Some((name.to_owned(), value.to_owned()))
    })
}

/// The exchanges for people.
pub fn conversation_text(exchanges: &[Exchange], data: &str) -> String {
    let mut text = String::new();
    for exchange in exchanges {
        let Exchange { title, method, target, headers, body, answer } = exchange;
        text.push_str(&format!("### {title}\n> {method} {target}\n"));
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}"));
        for line in headers.chain(body.lines().map(str::to_owned)) {
            text.push_str(&format!("> {line}\n"));
        }
        text.push_str(&format!("< {}\n", answer.status()));
        for (name, value) in telling(answer.headers()) {
            text.push_str(&format!("< {name}: {value}\n"));
        }
        for line in answer.body().lines() {
            text.push_str(&format!("< {line}\n"));
        }
        text.push('\n');
    }
    format!("{text}requests: {}, each answered as it must be\ndata: {data}", exchanges.len())
}

/// A table of users.
pub fn users_table(users: &[UserSummary]) -> String {
    let mut table = table(["Id", "Name", "Status", "Sequence", "Updated at"]);
    for user in users {
        table.add_row([
            Cell::new(printable(&user.user_id)),
            Cell::new(printable(user.name.as_str())),
            Cell::new(user.status.as_str()),
            number(user.sequence),
            Cell::new(user.updated_at),
        ]);
    }
    table.to_string()
}

/// One user.
pub fn user_text(detail: &UserDetail) -> String {
    let UserDetail { user_id, sequence, account } = detail;
    format!(
        "user: {}\nname: {}\ne-mail: {}\nbalance: {}\nstatus: {}\nsequence: {sequence}",
        printable(user_id),
        printable(account.name.as_str()),
        printable(account.email.as_str()),
        account.balance,
        account.status.as_str(),
    )
}

/// A table of events.
pub fn history_table(entries: &[Entry]) -> String {
    let mut table = table(["AggregateID", "Sequence", "Type", "Time"]);
    for entry in entries {
        table.add_row([
            Cell::new(printable(&entry.aggregate_id)),
            number(entry.sequence),
            Cell::new(entry.event_type),
            Cell::new(entry.time),
        ]);
    }
    table.to_string()
}
