//! What must hold when all is over, whatever went wrong on the way.

use serde::Serialize;

use super::audit::{Audit, OrderFacts, all_items, pieces};
use super::domain::Money;

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invariant {
    /// What.
    pub name: &'static str,
    /// Whether it does.
    pub holds: bool,
    /// Where it does not: the first few.
    pub violations: Vec<String>,
}

/// Everything that must hold.
pub fn check(audit: &Audit) -> Vec<Invariant> {
    vec![
        no_stock_is_negative(audit),
        stock_is_conserved(audit),
        only_completed_orders_have_stock(audit),
        every_workflow_is_over(audit),
        order_and_workflow_agree(audit),
        at_most_one_charge_per_order(audit),
        completed_orders_are_paid_and_others_are_not(audit),
    ]
}

fn invariant(name: &'static str, violations: impl Iterator<Item = String>) -> Invariant {
    const SHOWN: usize = 10;
    let violations: Vec<String> = violations.take(SHOWN).collect();
    Invariant { name, holds: violations.is_empty(), violations }
}

fn no_stock_is_negative(audit: &Audit) -> Invariant {
    let negative = audit.stock.iter().filter(|(_, balance)| balance.least < 0);
    let violations = negative.map(|(item, balance)| format!("{item} was at {}", balance.least));
    invariant("no stock is negative", violations)
}

fn stock_is_conserved(audit: &Audit) -> Invariant {
    let violations = audit.stock.iter().filter_map(|(item, it)| {
        let there = it.on_hand + it.reserved + it.shipped;
        (there != it.received).then(|| format!("{item}: {there} of {} are there", it.received))
    });
    invariant("stock is conserved: received = on hand + reserved + shipped", violations)
}

fn only_completed_orders_have_stock(audit: &Audit) -> Invariant {
    let ordered = pieces(audit.orders.values().filter(|order| order.completed));
    // What waits for an operator may be kept until he has decided.
    let waiting = pieces(audit.orders.values().filter(|order| order.is_parked()));
    let violations = all_items(&audit.stock, &ordered).into_iter().filter_map(|item| {
        let balance = audit.stock.get(item).copied().unwrap_or_default();
        let due = ordered.get(item).copied().unwrap_or_default();
        let kept = waiting.get(item).copied().unwrap_or_default();
        let is_right = balance.reserved <= kept && balance.shipped == due;
        (!is_right).then(|| {
            let (shipped, reserved) = (balance.shipped, balance.reserved);
            format!("{item}: {shipped} shipped and {reserved} reserved, where {due} are completed")
        })
    });
    invariant(
        "what is shipped is what completed orders asked for, and nothing is reserved for others that are over",
        violations,
    )
}

fn every_workflow_is_over(audit: &Audit) -> Invariant {
    let is_open = |order: &OrderFacts| order.outcome.is_none() && !order.is_parked();
    let open = audit.orders.iter().filter(|(_, order)| is_open(order));
    let violations = open.map(|(id, order)| match order.began_at {
        Some(_) => format!("{id} is on its way"),
        None => format!("{id} has no workflow"),
    });
    invariant("every workflow has come to its end, or waits for an operator", violations)
}

fn order_and_workflow_agree(audit: &Audit) -> Invariant {
    let agrees = |order: &OrderFacts| match order.is_parked() {
        true => !(order.completed && order.cancelled),
        false => order.completed == order.is_fulfilled() && order.cancelled != order.completed,
    };
    let violations = audit.orders.iter().filter(|(_, order)| !agrees(order)).map(|(id, order)| {
        let OrderFacts { completed, cancelled, .. } = order;
        let outcome = order.outcome.as_deref().unwrap_or("on its way");
        format!("{id}: completed {completed}, cancelled {cancelled}, workflow {outcome}")
    });
    invariant("orders are completed or cancelled, as their workflows ended", violations)
}

fn at_most_one_charge_per_order(audit: &Audit) -> Invariant {
    let charged = audit.orders.iter().filter(|(_, order)| order.charges.len() > 1);
    let violations = charged.map(|(id, order)| format!("{id}: {} charges", order.charges.len()));
    invariant("at most one charge per order", violations)
}

fn completed_orders_are_paid_and_others_are_not(audit: &Audit) -> Invariant {
    let violations = audit.orders.iter().filter_map(|(id, order)| {
        let total: Money = order.items.iter().map(|item| item.price.times(item.quantity)).sum();
        let (charged, refunded) = (order.charged(), order.refunded);
        let is_right = match order.is_fulfilled() {
            true => charged == total && refunded == Money::default(),
            // It is what the operator has to decide on.
            false if order.is_parked() => refunded <= charged && charged <= total,
            false => charged == refunded,
        };
        (!is_right).then(|| format!("{id}: {charged} charged and {refunded} refunded of {total}"))
    });
    invariant(
        "refunds are the charges of compensated orders, and completed ones are paid",
        violations,
    )
}

#[cfg(test)]
mod tests;
