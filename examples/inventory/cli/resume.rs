//! Having parked workflows go on.

use std::sync::Arc;

use es_core::Repository;
use serde::Serialize;

use crate::aws::Place;
use crate::command_line::{AnyError, print, printable};
use crate::inventory::chance::Chance;
use crate::inventory::payments::{Rates, SimulatedProvider};
use crate::inventory::service::Inventory;
use crate::inventory::workflow_states::WorkflowState;

use super::opened::Opened;

/// What came of it.
#[derive(Debug, Serialize)]
struct Resumed {
    order_id: String,
    /// The names of the commands that were tried again.
    resumed: Vec<String>,
    /// Where the workflow is now.
    status: WorkflowState,
}

/// Who asks for this has talked to the provider.
pub(super) async fn run(place: &Place, order: &str, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let books = Repository::new(opened.backend.log.clone());
    let provider = SimulatedProvider::new(books, Chance::from_seed(0), Rates::default());
    let (backend, clock) = (opened.backend.clone(), opened.clock.clone());
    let inventory = Inventory::new(backend, Arc::new(provider), clock).await?;
    inventory.catch_up_views().await?;
    inventory.go_on_in_time(&opened.clock).await?;
    if !inventory.exists(order).await? {
        return Err(format!("there is no order {order}").into());
    }
    let resumed = inventory.resume(order).await?;
    if resumed.is_empty() {
        return Err(format!("nothing of the workflow of {order} waits for an operator").into());
    }
    let status = inventory.state_of_workflow(order).await?;
    let resumed = Resumed { order_id: order.to_owned(), resumed, status };
    print(json, &resumed, || {
        let (commands, status) = (resumed.resumed.join(", "), resumed.status.as_str());
        format!("tried again: {commands}; the workflow of {} is {status}", printable(order))
    })?;
    drop(inventory);
    opened.close().await?;
    match resumed.status {
        WorkflowState::Parked => Err("it waits for an operator again".into()),
        _ => Ok(()),
    }
}
