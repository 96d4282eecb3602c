//! What the program prints.

mod dead_letters;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment};
use serde::Serialize;

use crate::command_line::{printable, table};

pub use dead_letters::{letter_text, letters_table};

use super::domain::{Money, Status};
use super::views::{OrderDetail, OrderSummary};
use super::watching::Change;

/// What became of the orders of one run.
#[derive(Debug, Serialize)]
pub struct Totals {
    /// Requests that are orders now.
    pub accepted: u64,
    /// Requests that had come before: nothing was changed for them.
    pub repeated_requests: u64,
    /// Orders that were processed.
    pub processed: u64,
    /// Messages that came again after they were handled: nothing was changed for them.
    pub duplicates: u64,
    /// Attempts that failed and were repeated.
    pub retried: u64,
    /// Orders that were given up.
    pub dead_lettered: u64,
    /// Those of them that were sent back, when payments were repaired.
    pub redriven: u64,
    /// What each subscriber was told: the orders, each counted once.
    pub notifications: BTreeMap<&'static str, u64>,
    /// How many orders are at which station, of all that there are.
    pub by_status: BTreeMap<&'static str, u64>,
    /// How many orders were accepted in a minute, while they came.
    pub accepted_per_minute: f64,
    /// How many orders were processed in a minute, from the first request to the last order, failed
    /// attempts, dead letters and repair included.
    pub processed_per_minute: f64,
    /// How long this run took.
    pub seconds: f64,
    /// Where the data is.
    pub data: String,
}

impl Totals {
    /// The totals for people.
    pub fn to_text(&self) -> String {
        let listed = |counts: &BTreeMap<&'static str, u64>| {
            let counts: Vec<_> = counts.iter().map(|(name, n)| format!("{n} {name}")).collect();
            counts.join(", ")
        };
        let mut text = String::new();
        for (name, value) in [
            ("accepted", self.accepted.to_string()),
            ("repeated requests", self.repeated_requests.to_string()),
            ("processed", self.processed.to_string()),
            ("duplicate messages", self.duplicates.to_string()),
            ("retried", self.retried.to_string()),
            ("dead-lettered", self.dead_lettered.to_string()),
            ("redriven", self.redriven.to_string()),
            ("notifications", listed(&self.notifications)),
            ("orders", listed(&self.by_status)),
            ("accepted per minute", format!("{:.0}", self.accepted_per_minute)),
            ("processed per minute", format!("{:.0}", self.processed_per_minute)),
            ("seconds", format!("{:.2}", self.seconds)),
            ("data", self.data.clone()),
        ] {
            // Writing to a `String` does not fail.
            let _ = writeln!(text, "{name}: {value}");
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// How many orders are at which station.
pub fn by_status(orders: &[OrderSummary]) -> BTreeMap<&'static str, u64> {
    let mut counts: BTreeMap<_, _> = Status::ALL.map(|status| (status.as_str(), 0)).into();
    for order in orders {
        *counts.entry(order.status.as_str()).or_default() += 1;
    }
    counts
}

/// So many, in a minute.
pub fn per_minute(n: u64, took: Duration) -> f64 {
    let minutes = took.as_secs_f64() / 60.0;
    if minutes > 0.0 { n as f64 / minutes } else { 0.0 }
}

/// A table of orders.
pub fn orders_table(orders: &[OrderSummary]) -> String {
    let mut table = table(["Id", "Status", "Customer", "Items", "Total", "Processed after"]);
    for order in orders {
        let took = order.processed_at.map(|at| at.duration_since(order.created_at));
        let took = took.map_or_else(
            || "–".to_owned(),
            |took| format!("{:.0} ms", took.as_secs_f64() * 1000.0),
        );
        table.add_row([
            Cell::new(&order.id),
            Cell::new(order.status.as_str()),
            Cell::new(printable(&order.customer)),
            Cell::new(printable(&order.items.join(", "))),
            money(order.total),
            Cell::new(took).set_alignment(CellAlignment::Right),
        ]);
    }
    table.to_string()
}

/// Everything about one order.
pub fn order_text(order: &OrderDetail) -> String {
    let items: Vec<String> = order.items.iter().map(ToString::to_string).collect();
    let lines = [
        ("order", order.id.clone()),
        ("version", order.version.to_string()),
        ("status", order.status.as_str().to_owned()),
        ("customer", format!("{} <{}>", order.customer.name, order.customer.email)),
        ("items", items.join(", ")),
        ("total", order.total.to_string()),
        ("payment", order.payment.clone().unwrap_or_else(|| "–".to_owned())),
        ("payer", order.payer.clone().unwrap_or_else(|| "–".to_owned())),
    ];
    let lines = lines.map(|(name, value)| format!("{name}: {}", printable(&value)));
    lines.join("\n")
}

/// A line about something that happened.
pub fn change_line(change: &Change) -> String {
    let Change { at, order, event, status, total } = change;
    format!("{at} {} {event} → {} ({total})", printable(order), status.as_str())
}

fn money(amount: Money) -> Cell {
    Cell::new(amount).set_alignment(CellAlignment::Right)
}
