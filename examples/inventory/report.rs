//! What the program prints.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment};

use super::outcome::{Group, Outcome};
use super::trace::{Trace, TracedCommit};
use super::views::{OrderSummary, StockLevel};
use super::workflow_states::{ListedWorkflow, StoryLine};
use crate::command_line::{number, printable, table};

/// The table of what became of the orders, what must hold, and the rest.
pub fn outcome_text(outcome: &Outcome) -> String {
    let mut text = outcome_table(outcome);
    for invariant in &outcome.invariants {
        // Writing to a `String` does not fail.
        let _ = write!(text, "\n{} {}", if invariant.holds { "✓" } else { "✗" }, invariant.name);
        for violation in &invariant.violations {
            let _ = write!(text, "\n    {}", printable(violation));
        }
    }
    for (name, value) in [
        ("charges", outcome.charges.to_string()),
        ("refunds", outcome.refunds.to_string()),
        ("parked, then resumed", outcome.resumed.to_string()),
        ("crashes", outcome.crashes.to_string()),
        ("seconds", format!("{:.2}", outcome.seconds)),
        ("data", outcome.data.clone()),
    ] {
        let _ = write!(text, "\n{name}: {}", printable(&value));
    }
    text
}

fn outcome_table(outcome: &Outcome) -> String {
    let mut table = table(["Outcome", "Orders", "p50", "p90", "p99", "Longest"]);
    table.add_row(group_row("completed", &outcome.completed));
    for (reason, group) in &outcome.compensated {
        table.add_row(group_row(&format!("compensated: {}", printable(reason)), group));
    }
    for (name, orders) in [
        ("partly compensated", outcome.partly_compensated),
        ("parked", outcome.parked),
        ("on their way", outcome.running),
    ] {
        table.add_row(group_row(name, &Group { orders, times: None }));
    }
    table.add_row(group_row("all", &Group { orders: outcome.orders, times: None }));
    table.to_string()
}

fn group_row(name: &str, group: &Group) -> Vec<Cell> {
    let time = |millis: Option<f64>| {
        Cell::new(millis.map_or_else(|| "–".to_owned(), length)).set_alignment(CellAlignment::Right)
    };
    let times = group.times;
    vec![
        Cell::new(name),
        number(group.orders as u64),
        time(times.map(|it| it.p50_ms)),
        time(times.map(|it| it.p90_ms)),
        time(times.map(|it| it.p99_ms)),
        time(times.map(|it| it.max_ms)),
    ]
}

/// A length of time, as exact as it is interesting.
pub fn length(millis: f64) -> String {
    match millis {
        ..1_000.0 => format!("{millis:.0} ms"),
        ..60_000.0 => format!("{:.1} s", millis / 1_000.0),
        _ => format!("{} min {:02.0} s", (millis / 60_000.0).floor(), (millis / 1_000.0) % 60.0),
    }
}

/// A table of orders.
pub fn orders_table(orders: &[OrderSummary]) -> String {
    let mut table = table(["Order", "Status", "Customer", "Items", "Total", "Took"]);
    for order in orders {
        let items = order.items.iter().map(|item| format!("{} × {}", item.quantity, item.item_id));
        let items: Vec<String> = items.collect();
        let took = order.changed_at.duration_since(order.created_at).as_secs_f64() * 1_000.0;
        table.add_row([
            Cell::new(printable(&order.order_id)),
            Cell::new(order.status.as_str()),
            Cell::new(printable(&order.customer_id)),
            Cell::new(printable(&items.join(", "))),
            Cell::new(order.total).set_alignment(CellAlignment::Right),
            Cell::new(length(took)).set_alignment(CellAlignment::Right),
        ]);
    }
    table.to_string()
}

/// A table of the stock.
pub fn stock_table(levels: &[StockLevel]) -> String {
    let mut table = table(["Item", "Received", "On hand", "Reserved", "Shipped"]);
    for level in levels {
        table.add_row([
            Cell::new(printable(&level.item_id)),
            number(level.received),
            number(level.on_hand),
            number(level.reserved),
            number(level.shipped),
        ]);
    }
    table.to_string()
}

/// A table of workflows.
pub fn workflows_table(workflows: &[ListedWorkflow]) -> String {
    let mut table = table(["Order", "Status", "Began", "Took", "Waits for an operator"]);
    for workflow in workflows {
        let took = workflow.changed_at.duration_since(workflow.began_at).as_secs_f64() * 1_000.0;
        table.add_row([
            Cell::new(printable(&workflow.order_id)),
            Cell::new(workflow.status.as_str()),
            Cell::new(workflow.began_at),
            Cell::new(length(took)).set_alignment(CellAlignment::Right),
            Cell::new(printable(&workflow.parked.join(", "))),
        ]);
    }
    table.to_string()
}

/// The story of a workflow, a line each.
pub fn story_text(story: &[StoryLine]) -> String {
    let lines = story.iter().map(|line| format!("{} {}", line.at, printable(&line.what)));
    lines.collect::<Vec<_>>().join("\n")
}

/// The tree of a trace: each commit behind what caused it, with how long after the request it was.
pub fn trace_text(trace: &Trace) -> String {
    let head = format!(
        "order {}, trace {}, {} commits",
        printable(&trace.order_id),
        printable(&trace.trace_ids.join(", ")),
        trace.commits.len()
    );
    let lines = trace.commits.iter().map(commit_line);
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}

fn commit_line(commit: &TracedCommit) -> String {
    let by = commit.actor.as_deref().unwrap_or("–");
    let line = format!(
        "{}{} [{}] by {by}",
        "  ".repeat(commit.depth),
        commit.events.join(", "),
        commit.stream
    );
    format!("{:>12}  {}", format!("+{}", length(commit.after_ms)), printable(&line))
}
