//! Looking at orders, stock and workflows.

use es_core::{View, ViewQuery};
use futures::TryStreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::aws::Place;
use crate::command_line::{AnyError, print};
use crate::inventory::report::{
    orders_table, stock_table, story_text, trace_text, workflows_table,
};
use crate::inventory::trace::Trace;
use crate::inventory::workflow_states::{ListedWorkflow, StoryLine, WorkflowState};

use super::opened::Opened;

pub(super) async fn orders(place: &Place, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let inventory = opened.to_look_at().await?;
    let orders = all(&inventory.order_summaries.view()).await?;
    print(json, &orders, || match orders.as_slice() {
        [] => "there are none".to_owned(),
        orders => orders_table(orders),
    })?;
    drop(inventory);
    opened.close().await
}

pub(super) async fn stock(place: &Place, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let inventory = opened.to_look_at().await?;
    let levels = all(&inventory.stock_levels.view()).await?;
    print(json, &levels, || match levels.as_slice() {
        [] => "there is none".to_owned(),
        levels => stock_table(levels),
    })?;
    drop(inventory);
    opened.close().await
}

pub(super) async fn workflows(
    place: &Place,
    status: Option<WorkflowState>,
    json: bool,
) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let inventory = opened.to_look_at().await?;
    let query = status.map_or_else(page, |status| status.query(page()));
    let listed = inventory.workflow_statuses.view().all(query);
    let listed: Vec<ListedWorkflow> =
        listed.map_ok(|(order, summary)| ListedWorkflow::of(order, &summary)).try_collect().await?;
    print(json, &listed, || match listed.as_slice() {
        [] => "there are none".to_owned(),
        listed => workflows_table(listed),
    })?;
    drop(inventory);
    opened.close().await
}

pub(super) async fn workflow(place: &Place, order: &str, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let inventory = opened.to_look_at().await?;
    let story = StoryLine::all_of(&inventory.workflows, order).await?;
    if story.is_empty() {
        return Err(no_order(order));
    }
    print(json, &story, || story_text(&story))?;
    drop(inventory);
    opened.close().await
}

pub(super) async fn trace(place: &Place, order: &str, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let found = Trace::of(&opened.backend.log, order).await?;
    let trace = found.ok_or_else(|| no_order(order))?;
    print(json, &trace, || trace_text(&trace))?;
    opened.close().await
}

fn no_order(order: &str) -> AnyError {
    format!("there is no order {order}").into()
}

fn page() -> ViewQuery {
    const PAGE: usize = 500;
    ViewQuery::default().limit(PAGE)
}

/// All documents of a view, page by page.
async fn all<V: Serialize + DeserializeOwned + Send + Sync + 'static>(
    view: &View<V>,
) -> Result<Vec<V>, AnyError> {
    let documents = view.all(page());
    Ok(documents.map_ok(|(_, document)| document).try_collect().await?)
}
