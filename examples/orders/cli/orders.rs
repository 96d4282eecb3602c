//! Looking at orders.

use es_core::{Error, ViewQuery};
use futures::TryStreamExt as _;

use crate::command_line::{AnyError, print};
use crate::orders::domain::Status;
use crate::orders::report::{order_text, orders_table};
use crate::orders::service::Orders;
use crate::orders::views::{OrderDetail, OrderSummary};

use super::opened::Opened;
use super::place::Place;

pub(super) async fn list(
    place: &Place,
    status: Option<Status>,
    json: bool,
) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    match opened.orders.list.catch_up().await {
        // An old list is better than none.
        Err(Error::Paused { consumer }) => {
            eprintln!("note: {consumer} is paused; this is the list as it was then");
        }
        caught_up => drop(caught_up?),
    }
    let orders = summaries(&opened.orders, status).await?;
    print(json, &orders, || match orders.as_slice() {
        [] => "there are none".to_owned(),
        orders => orders_table(orders),
    })?;
    opened.close().await
}

pub(super) async fn show(place: &Place, id: &str, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let loaded = opened.orders.orders.load(id).await?;
    let version = loaded.version();
    let detail = OrderDetail::of(id, version, loaded.into_state())
        .ok_or_else(|| format!("there is no order {id}"))?;
    print(json, &detail, || order_text(&detail))?;
    opened.close().await
}

/// All orders of the list, page by page.
pub(super) async fn summaries(
    orders: &Orders,
    status: Option<Status>,
) -> Result<Vec<OrderSummary>, AnyError> {
    const PAGE: usize = 500;
    let mut query = ViewQuery::default().limit(PAGE);
    if let Some(status) = status {
        query = query.equals("status", status.as_str());
    }
    let all = orders.list.view().all(query);
    Ok(all.map_ok(|(_, summary)| summary).try_collect().await?)
}
